-- title: Positions
-- description: At the newest close, in the currency of the portfolio. Where nobody traded, the price is of an earlier session.
-- owner: risk
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   name: {title: Name}
--   shares: {title: Shares, unit: shares}
--   price: {title: Price, unit: price}
--   priced_on: {title: Price of, unit: date}
--   value: {title: Value, unit: money}
--   weight: {title: Weight, unit: percent}
--   pnl: {title: Gain of the session, unit: money}
-- parameters: [portfolio]
SELECT symbol, name, shares, price, priced_on, value, weight, pnl
  FROM reports.portfolio_positions
 WHERE portfolio = %(portfolio)s
   AND session = (SELECT max(session) FROM reports.portfolio_daily WHERE portfolio = %(portfolio)s)
 ORDER BY value DESC NULLS LAST, symbol;
