-- What other parts have decided, as anomalies: holes of ours (ops.gaps), vendors that disagree (market.bar_disagreements),
-- and minutes without a trade (ops.untraded_minutes) where they are more in a row than chance makes. All of it is
-- compared each time: what they say no more is withdrawn. Returns how many are new, by kind.
WITH reported AS (
    -- Of holes that were found again from the same minute on, the newest; one that the vendor has no bars of is none.
    SELECT DISTINCT ON (symbol, source, lower(minutes))
           symbol, source, '' AS other_source, 'missing_data' AS kind, lower(minutes) AS ts, session,
           opened_at AS detected_ts, closed_at AS ended_ts, ops.count_minutes(minutes)::float8 AS score,
           jsonb_build_object('minutes', ops.count_minutes(minutes), 'still_missing', ops.count_minutes(missing_at),
                              'requests', requests) AS evidence
      FROM ops.gaps
     WHERE state <> 'vendor_has_none'
     ORDER BY symbol, source, lower(minutes), gap_id DESC
), disagreements AS (
    -- Minutes in a row are one.
    SELECT d.symbol, d.source, d.other_source, 'vendor_disagreement', min(d.ts) AS ts, min(s.session) AS session,
           min(d.found_at), CASE WHEN bool_and(d.resolved_at IS NOT NULL) THEN max(d.resolved_at) END,
           max(d.ticks_apart)::float8,
           jsonb_build_object('bars', count(*), 'ticks_apart', max(d.ticks_apart),
                              'close', (array_agg(d.close ORDER BY d.ts))[1],
                              'other_close', (array_agg(d.other_close ORDER BY d.ts))[1])
      FROM (SELECT *, ts - row_number() OVER (PARTITION BY symbol, source, other_source ORDER BY ts)
                           * interval '1 minute' AS stretch
              FROM market.bar_disagreements) d
      JOIN market.instruments i USING (symbol)
      LEFT JOIN market.sessions s ON s.calendar = i.calendar AND s.hours @> d.ts
                                 AND s.session BETWEEN (d.ts AT TIME ZONE 'UTC')::date - 1
                                                   AND (d.ts AT TIME ZONE 'UTC')::date + 1
     GROUP BY d.symbol, d.source, d.other_source, d.stretch
), halts AS (
    -- As for stale prices (spark_jobs/marketpulse_spark/anomalies/stale_price.py): a share p of minutes untraded makes
    -- m · pⁿ runs of n in a session of m minutes; fewer than 0.001, and 5 minutes at least, which is the shortest pause of
    -- the Limit Up-Limit Down plan. p is the median of 20 earlier sessions, 10 at least.
    SELECT u.symbol, u.source, '', 'halt', lower(part), u.session, lower(part) + limits.needed * interval '1 minute',
           traded.again, -log(c.expected * usual.share ^ limits.needed),
           jsonb_build_object('minutes', limits.needed, 'usual_share', usual.share)
      FROM ops.untraded_minutes u
      JOIN ops.coverage c USING (symbol, source, session)
     CROSS JOIN LATERAL (
            SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY (e.untraded + 1.0) / (e.expected + 2.0)) AS share,
                   count(*) AS sessions
              FROM (SELECT e.untraded, e.expected FROM ops.coverage e
                     WHERE e.symbol = u.symbol AND e.source = u.source AND e.session < u.session
                     ORDER BY e.session DESC LIMIT 20) e) usual
     CROSS JOIN LATERAL (SELECT greatest(5, ceil(ln(0.001 / c.expected) / ln(usual.share)))::integer AS needed) limits
     CROSS JOIN LATERAL market.stretches(u.minutes) part
      LEFT JOIN LATERAL (SELECT b.ts + interval '1 minute' AS again FROM market.bars_1m b
                          WHERE b.symbol = u.symbol AND b.source = u.source AND b.ts >= upper(part)
                          ORDER BY b.ts LIMIT 1) traded ON true
     WHERE usual.sessions >= 10 AND ops.count_minutes(tstzmultirange(part)) >= limits.needed
), found AS MATERIALIZED (
    SELECT * FROM reported UNION ALL SELECT * FROM disagreements UNION ALL SELECT * FROM halts
), withdrawn AS (
    UPDATE analytics.anomalies t SET withdrawn_at = clock_timestamp()
     WHERE t.kind IN ('halt', 'missing_data', 'vendor_disagreement') AND t.withdrawn_at IS NULL
       AND NOT EXISTS (SELECT FROM found f
                        WHERE (f.symbol, f.source, f.other_source, f.kind, f.ts)
                            = (t.symbol, t.source, t.other_source, t.kind, t.ts))
), written AS (
    INSERT INTO analytics.anomalies AS t (symbol, source, other_source, kind, ts, session, detected_ts, ended_ts, score,
                                          evidence)
    SELECT symbol, source, other_source, kind, ts, session, detected_ts, ended_ts, score, evidence FROM found
        ON CONFLICT (symbol, source, other_source, kind, ts) DO UPDATE
       SET session = excluded.session, detected_ts = excluded.detected_ts, ended_ts = excluded.ended_ts,
           score = excluded.score, evidence = excluded.evidence, withdrawn_at = NULL
     WHERE (t.session, t.detected_ts, t.ended_ts, t.score, t.evidence, t.withdrawn_at)
        IS DISTINCT FROM (excluded.session, excluded.detected_ts, excluded.ended_ts, excluded.score, excluded.evidence,
                          NULL)
 RETURNING t.kind, old.symbol IS NULL AS is_new
)
SELECT kind, count(*) AS new FROM written WHERE is_new GROUP BY kind ORDER BY kind
