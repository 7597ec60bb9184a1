-- What was found (temporary table computed) in the sessions that were looked at (temporary table wanted) by detection $1.
-- What is there no more is withdrawn, rows that did not change are left alone. Returns how many are new, by kind.
WITH withdrawn AS (
    UPDATE analytics.anomalies t SET withdrawn_at = clock_timestamp(), detection_id = $1
      FROM wanted w
     WHERE t.symbol = w.symbol AND t.source = w.source AND t.session = w.session AND t.withdrawn_at IS NULL
       AND t.kind IN ('bad_tick', 'gap', 'stale_price', 'volume_burst')
       AND NOT EXISTS (SELECT FROM computed c
                        WHERE c.symbol = t.symbol AND c.source = t.source AND c.kind = t.kind AND c.ts = t.ts)
 RETURNING t.kind
), written AS (
    INSERT INTO analytics.anomalies AS t (symbol, source, kind, ts, session, detected_ts, ended_ts, score, evidence,
                                          detection_id)
    SELECT symbol, source, kind, ts, session, detected_ts, ended_ts, score, evidence::jsonb, $1 FROM computed
        ON CONFLICT (symbol, source, other_source, kind, ts) DO UPDATE
       SET session = excluded.session, detected_ts = excluded.detected_ts, ended_ts = excluded.ended_ts,
           score = excluded.score, evidence = excluded.evidence, withdrawn_at = NULL,
           detection_id = excluded.detection_id
     WHERE (t.session, t.detected_ts, t.ended_ts, t.score, t.evidence, t.withdrawn_at)
        IS DISTINCT FROM (excluded.session, excluded.detected_ts, excluded.ended_ts, excluded.score, excluded.evidence,
                          NULL)
 RETURNING t.kind, old.symbol IS NULL AS is_new
)
SELECT kind, count(*) FILTER (WHERE is_new) AS new, count(*) FILTER (WHERE NOT is_new) AS changed,
       count(*) FILTER (WHERE is_new IS NULL) AS withdrawn
  FROM (SELECT kind, is_new FROM written UNION ALL SELECT kind, NULL FROM withdrawn) touched
 GROUP BY kind
 ORDER BY kind
