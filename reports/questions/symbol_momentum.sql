-- title: Relative strength
-- description: RSI of 14 bars, from 0 (only losses) to 100 (only gains).
-- owner: analysts
-- chart: line
-- columns:
--   ts: {title: Minute from, unit: time}
--   rsi_14: {title: RSI of 14 bars, unit: ratio}
-- x: ts
-- y: [rsi_14]
-- parameters: [symbol, source, hours]
WITH shown AS (
    SELECT newest_bar FROM reports.series WHERE symbol = %(symbol)s AND source = %(source)s
)
SELECT ts, rsi_14
  FROM reports.indicators_1m
 WHERE symbol = %(symbol)s AND source = %(source)s
   AND ts > (SELECT newest_bar FROM shown) - make_interval(hours => %(hours)s)
   AND ts <= (SELECT newest_bar FROM shown)
 ORDER BY ts;
