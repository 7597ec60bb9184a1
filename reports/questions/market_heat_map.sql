-- title: Heat map of the last 24 hours
-- description: Change of each instrument in each hour, from the first price to the last, up to the newest bar of the source.
-- owner: analysts
-- chart: heatmap
-- columns:
--   hour: {title: Hour from, unit: time}
--   symbol: {title: Symbol}
--   change: {title: Change, unit: percent}
-- x: hour
-- y: [change]
-- series: symbol
-- parameters: [source]
SELECT date_trunc('hour', b.ts) AS hour, s.symbol,
       ((array_agg(b.close ORDER BY b.ts DESC))[1] / (array_agg(b.open ORDER BY b.ts))[1] - 1)::double precision AS change
  FROM reports.series s
 CROSS JOIN LATERAL (
        SELECT ts, open, close
          FROM reports.bars_1m
         WHERE symbol = s.symbol AND source = s.source
           AND ts >= date_trunc('hour', (SELECT max(newest_bar) FROM reports.series WHERE source = %(source)s)) - interval '23 hours') b
 WHERE s.source = %(source)s
 GROUP BY hour, s.symbol
 ORDER BY hour, s.symbol;
