-- title: Last trades against our bars
-- description: What a vendor of quotes says of each last trade, beside the newest bar that we have. In the currency of the instrument.
-- owner: data
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   state: {title: State}
--   quote_source: {title: Quotes of}
--   price: {title: Last trade, unit: price}
--   traded_at: {title: Traded, unit: time}
--   bar_source: {title: Bars of}
--   bar_close: {title: Newest close, unit: price}
--   bar_ts: {title: Newest bar, unit: time}
SELECT symbol, replace(state, '_', ' ') AS state, quote_source, price, traded_at, bar_source, bar_close, bar_ts
  FROM reports.quote_checks
 ORDER BY state = 'agrees', symbol, quote_source, bar_source;
