-- title: Bollinger bands
-- description: Close and the bands two standard deviations around the mean of 20 bars. In the currency of the instrument.
-- owner: analysts
-- chart: line
-- columns:
--   ts: {title: Minute from, unit: time}
--   close: {title: Close, unit: price}
--   upper: {title: Upper band, unit: price}
--   lower: {title: Lower band, unit: price}
-- x: ts
-- y: [close, upper, lower]
-- parameters: [symbol, source, hours]
WITH shown AS (
    SELECT newest_bar FROM reports.series WHERE symbol = %(symbol)s AND source = %(source)s
)
SELECT ts, close, bollinger_upper_20 AS upper, bollinger_lower_20 AS lower
  FROM reports.indicators_1m
 WHERE symbol = %(symbol)s AND source = %(source)s
   AND ts > (SELECT newest_bar FROM shown) - make_interval(hours => %(hours)s)
   AND ts <= (SELECT newest_bar FROM shown)
 ORDER BY ts;
