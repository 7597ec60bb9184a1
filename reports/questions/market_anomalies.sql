-- title: Anomalies
-- description: What is unusual about bars and still stands, the newest first. The score says how unusual, by the kind's own measure.
-- owner: analysts
-- chart: table
-- columns:
--   detected_ts: {title: Known since, unit: time}
--   symbol: {title: Symbol}
--   source: {title: Source}
--   kind: {title: Kind}
--   state: {title: State}
--   ts: {title: Bar, unit: time}
--   score: {title: Score, unit: ratio}
-- parameters: [days]
SELECT detected_ts, symbol, source, replace(kind, '_', ' ') AS kind, state, ts, score
  FROM reports.anomalies
 WHERE detected_ts > now() - make_interval(days => %(days)s) AND state <> 'withdrawn' AND acknowledged_at IS NULL
 ORDER BY detected_ts DESC, symbol, source, kind
 LIMIT 200;
