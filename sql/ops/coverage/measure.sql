-- Counts the bars of every session of every series. A series owes bars from its first one on, up to :until where a
-- source (polling) is asked for a symbol (polled), up to its newest one elsewhere; what it owed once it goes on owing,
-- so that bars which are deleted at either end are missed. Rows that did not change are left alone.
WITH series AS (
    SELECT i.symbol, s.source, i.calendar,
           tstzrange(least(b.first_bar, known.first_owed),
                     greatest(b.last_bar + interval '1 minute', known.last_owed,
                              CASE WHEN (s.source, i.symbol) IN (SELECT * FROM unnest(%(polling)s::text[],
                                                                                       %(polled)s::text[]))
                                   THEN %(until)s::timestamptz END)) AS span
      FROM market.instruments i
     CROSS JOIN unnest(%(sources)s::text[]) AS s (source)
     CROSS JOIN LATERAL (SELECT min(ts) AS first_bar, max(ts) AS last_bar
                           FROM market.bars_1m WHERE symbol = i.symbol AND source = s.source) b
     CROSS JOIN LATERAL (SELECT min(lower(expected_at)) AS first_owed, max(upper(expected_at)) AS last_owed
                           FROM ops.coverage WHERE symbol = i.symbol AND source = s.source) known
     WHERE b.first_bar IS NOT NULL OR known.first_owed IS NOT NULL
), owed AS (
    SELECT s.symbol, s.source, m.session, m.hours * tstzmultirange(s.span) AS expected_at
      FROM series s
      JOIN market.sessions m ON m.calendar = s.calendar AND m.hours && s.span
), counted AS (
    SELECT o.*, ops.count_minutes(o.expected_at) AS expected,
           (SELECT count(*) FROM unnest(o.expected_at) part
              JOIN market.bars_1m b ON b.symbol = o.symbol AND b.source = o.source
                                   AND b.ts >= lower(part) AND b.ts < upper(part))::integer AS present
      FROM owed o
), compared AS (
    SELECT c.*,
           CASE WHEN present = expected THEN '{}'::tstzmultirange
                ELSE expected_at - coalesce((SELECT range_agg(tstzrange(b.ts, b.ts + interval '1 minute'))
                                               FROM market.bars_1m b
                                              WHERE b.symbol = c.symbol AND b.source = c.source
                                                AND b.ts >= lower(c.expected_at) AND b.ts < upper(c.expected_at)), '{}')
            END AS absent_at
      FROM counted c
), measured AS (
    SELECT symbol, source, session, expected_at, expected, present,
           ops.count_minutes(absent_at * coalesce(u.minutes, '{}')) AS untraded,
           absent_at - coalesce(u.minutes, '{}') AS missing_at
      FROM compared
      LEFT JOIN ops.untraded_minutes u USING (symbol, source, session)
), stored AS (
    INSERT INTO ops.coverage AS known (symbol, source, session, expected_at, expected, present, untraded, missing_at)
    SELECT symbol, source, session, expected_at, expected, present, untraded, missing_at FROM measured
        ON CONFLICT (symbol, source, session) DO UPDATE
       SET expected_at = excluded.expected_at, expected = excluded.expected, present = excluded.present,
           untraded = excluded.untraded, missing_at = excluded.missing_at, measured_at = clock_timestamp()
     WHERE (known.expected_at, known.present, known.missing_at)
        IS DISTINCT FROM (excluded.expected_at, excluded.present, excluded.missing_at)
), no_session_any_more AS (
    DELETE FROM ops.coverage c
     WHERE NOT EXISTS (SELECT FROM measured m
                        WHERE (m.symbol, m.source, m.session) = (c.symbol, c.source, c.session))
)
SELECT source, sum(expected)::bigint, sum(present)::bigint, sum(untraded)::bigint
  FROM measured GROUP BY source ORDER BY source
