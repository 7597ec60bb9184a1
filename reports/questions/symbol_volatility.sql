-- title: Realised volatility
-- description: How much the price moved in the last 60 bars, whichever way; not annualised.
-- owner: analysts
-- chart: line
-- columns:
--   ts: {title: Minute from, unit: time}
--   volatility: {title: Volatility of 60 bars, unit: percent}
-- x: ts
-- y: [volatility]
-- parameters: [symbol, source, hours]
WITH shown AS (
    SELECT newest_bar FROM reports.series WHERE symbol = %(symbol)s AND source = %(source)s
)
SELECT ts, realised_volatility_60 AS volatility
  FROM reports.indicators_1m
 WHERE symbol = %(symbol)s AND source = %(source)s
   AND ts > (SELECT newest_bar FROM shown) - make_interval(hours => %(hours)s)
   AND ts <= (SELECT newest_bar FROM shown)
 ORDER BY ts;
