-- title: Price by minute
-- description: >-
--   Candles of one minute as traded, with the moving averages of 20 and 60 bars and the volume, over the hours before the
--   newest bar. In the currency of the instrument.
-- owner: analysts
-- chart: candlestick
-- columns:
--   ts: {title: Minute from, unit: time}
--   open: {title: Open, unit: price}
--   high: {title: High, unit: price}
--   low: {title: Low, unit: price}
--   close: {title: Close, unit: price}
--   sma_20: {title: Average of 20 bars, unit: price}
--   sma_60: {title: Average of 60 bars, unit: price}
--   volume: {title: Volume, unit: shares}
-- x: ts
-- y: [sma_20, sma_60]
-- bars: [volume]
-- parameters: [symbol, source, hours]
WITH shown AS (
    SELECT newest_bar FROM reports.series WHERE symbol = %(symbol)s AND source = %(source)s
)
SELECT ts, open, high, low, close, sma_20, sma_60, volume
  FROM reports.bars_1m
 WHERE symbol = %(symbol)s AND source = %(source)s
   AND ts > (SELECT newest_bar FROM shown) - make_interval(hours => %(hours)s)
   AND ts <= (SELECT newest_bar FROM shown)
 ORDER BY ts;
