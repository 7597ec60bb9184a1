-- title: Volume against what is usual
-- description: Volume of each minute of the newest session by the mean of the same minute of up to 20 earlier ones; 1 is usual.
-- owner: analysts
-- chart: bar
-- columns:
--   ts: {title: Minute from, unit: time}
--   relative_volume: {title: Times the usual, unit: ratio}
-- x: ts
-- y: [relative_volume]
-- parameters: [symbol, source]
SELECT ts, relative_volume
  FROM reports.session_indicators_1m
 WHERE symbol = %(symbol)s AND source = %(source)s
   AND session = (SELECT session FROM reports.market_now WHERE symbol = %(symbol)s AND source = %(source)s)
 ORDER BY ts;
