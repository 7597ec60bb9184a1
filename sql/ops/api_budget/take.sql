-- Commits before it answers: what is granted is spent, whatever becomes of the caller.
SELECT answer, wait_seconds, lock_seconds, on_day, spent_today, day_seconds, day_left_seconds
  FROM ops.take_request(vendor => %(source)s, purpose => %(purpose)s, per_second => %(per_second)s,
                        per_minute => %(per_minute)s, per_day => %(per_day)s, zone => %(zone)s,
                        live_hours => %(live_hours)s::tstzmultirange[], live_symbols => %(live_symbols)s::integer[],
                        patience => %(patience)s, margin => %(margin)s, unused_on => %(unused_on)s)
