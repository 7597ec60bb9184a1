-- title: Value
-- description: Of all positions and cash at each close, in the currency of the portfolio.
-- owner: risk
-- chart: area
-- columns:
--   session: {title: Session, unit: date}
--   nav: {title: Value, unit: money}
-- x: session
-- y: [nav]
-- parameters: [portfolio, days]
SELECT session, nav
  FROM reports.portfolio_daily
 WHERE portfolio = %(portfolio)s
   AND session > (SELECT max(session) FROM reports.portfolio_daily WHERE portfolio = %(portfolio)s) - %(days)s::integer
 ORDER BY session;
