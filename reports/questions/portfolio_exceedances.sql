-- title: Sessions that lost more than was said
-- description: The newest first, in the currency of the portfolio. "In time" says whether the forecast stood before the session opened.
-- owner: risk
-- chart: table
-- columns:
--   for_session: {title: Session, unit: date}
--   method: {title: Method}
--   confidence: {title: Confidence, unit: percent}
--   value_at_risk: {title: Loss said, unit: money}
--   loss: {title: Loss, unit: money}
--   in_time: {title: In time}
-- parameters: [portfolio, days]
SELECT for_session, method, confidence, value_at_risk, -next_pnl AS loss,
       CASE WHEN stored_before_outcome THEN 'yes' ELSE 'no' END AS in_time
  FROM reports.portfolio_risk
 WHERE portfolio = %(portfolio)s AND exceeded
   AND for_session > (SELECT max(session) FROM reports.portfolio_daily WHERE portfolio = %(portfolio)s) - %(days)s::integer
 ORDER BY for_session DESC, method, confidence;
