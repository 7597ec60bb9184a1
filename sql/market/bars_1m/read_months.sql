-- The stretches of stored bars, month by month: islands as sql/market/bars_1m/read_neighbours.sql takes them.
SELECT 0 AS partition, source, symbol, min(ts) AS first_ts, max(ts) AS last_ts
  FROM market.bars_1m
 GROUP BY symbol, source, date_trunc('month', ts, 'UTC')
 ORDER BY symbol, source, min(ts)
