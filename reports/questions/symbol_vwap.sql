-- title: Price and VWAP of the session
-- description: Close of each minute of the newest session beside the mean price so far, weighted by volume. In the currency of the instrument.
-- owner: analysts
-- chart: line
-- columns:
--   ts: {title: Minute from, unit: time}
--   close: {title: Close, unit: price}
--   vwap: {title: VWAP, unit: price}
-- x: ts
-- y: [close, vwap]
-- parameters: [symbol, source]
WITH shown AS (
    SELECT session, newest_bar FROM reports.market_now WHERE symbol = %(symbol)s AND source = %(source)s
)
SELECT v.ts, b.close, v.vwap
  FROM reports.session_indicators_1m v
  JOIN reports.bars_1m b USING (symbol, source, ts)
 WHERE v.symbol = %(symbol)s AND v.source = %(source)s AND v.session = (SELECT session FROM shown)
   AND b.ts > (SELECT newest_bar FROM shown) - interval '1 day' AND b.ts <= (SELECT newest_bar FROM shown)
 ORDER BY v.ts;
