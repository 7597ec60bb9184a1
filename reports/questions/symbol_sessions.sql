-- title: Price by session
-- description: Candles of regular trading in today's shares, over the days before the newest bar. In the currency of the instrument.
-- owner: analysts
-- chart: candlestick
-- columns:
--   session: {title: Session, unit: date}
--   open: {title: Open, unit: price}
--   high: {title: High, unit: price}
--   low: {title: Low, unit: price}
--   close: {title: Close, unit: price}
--   volume: {title: Volume, unit: shares}
-- x: session
-- bars: [volume]
-- parameters: [symbol, source, days]
WITH shown AS (
    SELECT newest_bar::date AS until FROM reports.series WHERE symbol = %(symbol)s AND source = %(source)s
)
SELECT session, open, high, low, close, volume
  FROM reports.bars_session
 WHERE symbol = %(symbol)s AND source = %(source)s
   AND session > (SELECT until FROM shown) - %(days)s::integer AND session <= (SELECT until FROM shown)
 ORDER BY session;
