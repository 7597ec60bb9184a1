-- Of these calendars those that have this session, over by now.
SELECT calendar
  FROM market.sessions
 WHERE calendar = ANY(%(calendars)s) AND session = %(session)s AND upper(hours) <= now()
 ORDER BY calendar
