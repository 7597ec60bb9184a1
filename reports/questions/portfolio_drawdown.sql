-- title: Drawdown
-- description: Loss since the highest point of the last 252 sessions, at each close.
-- owner: risk
-- chart: area
-- columns:
--   session: {title: Session, unit: date}
--   drawdown: {title: Drawdown, unit: percent}
-- x: session
-- y: [drawdown]
-- parameters: [portfolio, days]
SELECT session, drawdown_252 AS drawdown
  FROM reports.portfolio_daily
 WHERE portfolio = %(portfolio)s
   AND session > (SELECT max(session) FROM reports.portfolio_daily WHERE portfolio = %(portfolio)s) - %(days)s::integer
 ORDER BY session;
