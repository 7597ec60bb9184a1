-- title: Volatility
-- description: Of the newest 21 and 63 session returns, annualised; empty until there are so many.
-- owner: risk
-- chart: line
-- columns:
--   session: {title: Session, unit: date}
--   volatility_21: {title: Of 21 sessions, unit: percent}
--   volatility_63: {title: Of 63 sessions, unit: percent}
-- x: session
-- y: [volatility_21, volatility_63]
-- parameters: [portfolio, days]
SELECT session, volatility_21, volatility_63
  FROM reports.portfolio_daily
 WHERE portfolio = %(portfolio)s
   AND session > (SELECT max(session) FROM reports.portfolio_daily WHERE portfolio = %(portfolio)s) - %(days)s::integer
 ORDER BY session;
