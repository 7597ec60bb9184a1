-- Counts the bars of every session of every series: up to :until where a source (polling) is asked for a symbol
-- (polled), up to the newest bar elsewhere. Rows that did not change are left alone.
WITH series AS (
    SELECT i.symbol, s.source, i.calendar,
           tstzrange(b.first_bar,
                     greatest(b.last_bar + interval '1 minute',
                              CASE WHEN (s.source, i.symbol) IN (SELECT * FROM unnest(%(polling)s::text[],
                                                                                       %(polled)s::text[]))
                                   THEN %(until)s::timestamptz END)) AS span
      FROM market.instruments i
     CROSS JOIN unnest(%(sources)s::text[]) AS s (source)
     CROSS JOIN LATERAL (SELECT min(ts) AS first_bar, max(ts) AS last_bar
                           FROM market.bars_1m WHERE symbol = i.symbol AND source = s.source) b
     WHERE b.first_bar IS NOT NULL
), wanted AS (
    SELECT s.symbol, s.source, m.session, m.hours * tstzmultirange(s.span) AS hours
      FROM series s
      JOIN market.sessions m ON m.calendar = s.calendar AND m.hours && s.span
), counted AS (
    SELECT w.*,
           (SELECT sum(extract(epoch FROM upper(part) - lower(part)))::integer / 60 FROM unnest(w.hours) part) AS expected,
           (SELECT count(*) FROM unnest(w.hours) part
              JOIN market.bars_1m b ON b.symbol = w.symbol AND b.source = w.source
                                   AND b.ts >= lower(part) AND b.ts < upper(part))::integer AS present
      FROM wanted w
), measured AS (
    SELECT symbol, source, session, expected, present,
           CASE WHEN present = expected THEN '{}'::tstzmultirange
                ELSE hours - coalesce((SELECT range_agg(tstzrange(b.ts, b.ts + interval '1 minute'))
                                         FROM market.bars_1m b
                                        WHERE b.symbol = c.symbol AND b.source = c.source
                                          AND b.ts >= lower(c.hours) AND b.ts < upper(c.hours)), '{}') END AS missing_at
      FROM counted c
), stored AS (
    INSERT INTO ops.coverage AS known (symbol, source, session, expected, present, missing_at)
    SELECT symbol, source, session, expected, present, missing_at FROM measured
        ON CONFLICT (symbol, source, session) DO UPDATE
       SET expected = excluded.expected, present = excluded.present, missing_at = excluded.missing_at,
           measured_at = clock_timestamp()
     WHERE (known.expected, known.present, known.missing_at)
        IS DISTINCT FROM (excluded.expected, excluded.present, excluded.missing_at)
)
SELECT source, sum(expected)::bigint, sum(present)::bigint FROM measured GROUP BY source ORDER BY source
