-- title: Prices now
-- description: >-
--   The newest price of each instrument, and the change since the last regular close of the session before. High, low and
--   volume count from the opening of the session.
-- owner: analysts
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   name: {title: Name}
--   currency: {title: Currency}
--   price: {title: Price, unit: price}
--   change: {title: Change, unit: percent}
--   high: {title: High, unit: price}
--   low: {title: Low, unit: price}
--   volume: {title: Volume, unit: shares}
--   session: {title: Session, unit: date}
--   newest_bar: {title: Newest bar, unit: time}
-- parameters: [source]
SELECT symbol, name, currency, price, change, high, low, volume, session, newest_bar
  FROM reports.market_now
 WHERE source = %(source)s
 ORDER BY symbol;
