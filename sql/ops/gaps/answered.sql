-- Records a vendor's answer: which of the gap's minutes it brought, and from which minute on it speaks for the others.
WITH answer AS (
    SELECT g.*,
           g.missing_at * CASE WHEN %(complete_from)s::timestamptz IS NULL THEN '{}'::tstzmultirange
                               ELSE tstzmultirange(tstzrange(%(complete_from)s::timestamptz, NULL)) END AS spoken_for,
           coalesce((SELECT range_agg(tstzrange(ts, ts + interval '1 minute'))
                       FROM unnest(%(brought)s::timestamptz[]) ts), '{}') AS brought
      FROM ops.gaps g
     WHERE g.gap_id = %(gap_id)s
), untraded AS (
    INSERT INTO ops.untraded_minutes AS known (symbol, source, session, minutes)
    SELECT symbol, source, session, spoken_for - brought FROM answer WHERE NOT isempty(spoken_for - brought)
        ON CONFLICT (symbol, source, session) DO UPDATE
       SET minutes = known.minutes + excluded.minutes, answered_at = clock_timestamp()
)
UPDATE ops.gaps g
   SET state = 'requested', requests = g.requests + 1,
       next_request_at = %(now)s::timestamptz + least(interval '50 minutes' * 2 ^ g.requests, interval '24 hours'),
       detail = CASE WHEN isempty(g.missing_at - a.spoken_for - a.brought) THEN ''
                     ELSE 'the vendor answers for no minute before '
                          || coalesce(%(complete_from)s::timestamptz::text, 'now') END
  FROM answer a
 WHERE g.gap_id = a.gap_id
