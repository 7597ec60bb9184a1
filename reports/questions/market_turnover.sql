-- title: Traded value
-- description: Price times volume of each instrument since the opening of its session, in the instrument's currency.
-- owner: analysts
-- chart: bar
-- columns:
--   symbol: {title: Symbol}
--   currency: {title: Currency}
--   traded_value: {title: Traded value, unit: money}
-- x: symbol
-- y: [traded_value]
-- series: currency
-- parameters: [source]
SELECT symbol, currency, traded_value
  FROM reports.market_now
 WHERE source = %(source)s
 ORDER BY traded_value DESC, symbol;
