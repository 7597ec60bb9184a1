-- title: Volume against what is usual
-- description: >-
--   Volume of each minute of the newest session by the mean of the same minute of up to 20 earlier ones, over the two hours before
--   the newest bar; 1 is usual.
-- owner: analysts
-- chart: bar
-- columns:
--   ts: {title: Minute from, unit: time}
--   relative_volume: {title: Times the usual, unit: ratio}
-- x: ts
-- y: [relative_volume]
-- parameters: [symbol, source]
WITH shown AS (
    SELECT session, newest_bar FROM reports.market_now WHERE symbol = %(symbol)s AND source = %(source)s
)
-- Not a join: PostgreSQL looks a session up in this view only where it is one value.
SELECT ts, relative_volume
  FROM reports.session_indicators_1m
 WHERE symbol = %(symbol)s AND source = %(source)s AND session = (SELECT session FROM shown)
   AND ts > (SELECT newest_bar FROM shown) - interval '2 hours' AND ts <= (SELECT newest_bar FROM shown)
 ORDER BY ts;
