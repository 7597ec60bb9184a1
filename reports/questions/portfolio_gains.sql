-- title: Gain of the session by position
-- description: What each position brought to the gain of the newest session, in the currency of the portfolio.
-- owner: risk
-- chart: bar
-- columns:
--   symbol: {title: Symbol}
--   pnl: {title: Gain, unit: money}
-- x: symbol
-- y: [pnl]
-- parameters: [portfolio]
SELECT symbol, pnl
  FROM reports.portfolio_positions
 WHERE portfolio = %(portfolio)s
   AND session = (SELECT max(session) FROM reports.portfolio_daily WHERE portfolio = %(portfolio)s)
 ORDER BY pnl DESC NULLS LAST, symbol;
