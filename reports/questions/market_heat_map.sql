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
WITH shown AS (
    SELECT max(newest_bar) AS until, date_trunc('hour', max(newest_bar)) - interval '23 hours' AS since
      FROM reports.series
     WHERE source = %(source)s
)
SELECT hours.hour, s.symbol, hours.change
  FROM reports.series s
 CROSS JOIN LATERAL (
        SELECT date_trunc('hour', ts) AS hour,
               ((array_agg(close ORDER BY ts DESC))[1] / (array_agg(open ORDER BY ts))[1] - 1)::double precision AS change
          FROM reports.bars_1m
         WHERE symbol = s.symbol AND source = s.source
           AND ts >= (SELECT since FROM shown) AND ts <= (SELECT until FROM shown)
         GROUP BY date_trunc('hour', ts)) hours
 WHERE s.source = %(source)s
 ORDER BY hours.hour, s.symbol;
