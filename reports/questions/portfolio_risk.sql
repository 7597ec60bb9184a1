-- title: Gain of each session and what might be lost in it
-- description: >-
--   Bars: gain or loss. Lines: the loss that was said, at the close before, not to be exceeded with the chosen confidence. In the
--   currency of the portfolio.
-- owner: risk
-- chart: combo
-- columns:
--   for_session: {title: Session, unit: date}
--   gain: {title: Gain, unit: money}
--   historical: {title: By historical simulation, unit: money}
--   filtered: {title: By filtered simulation, unit: money}
-- x: for_session
-- y: [historical, filtered]
-- bars: [gain]
-- parameters: [portfolio, confidence, days]
SELECT for_session, max(next_pnl) AS gain, -max(value_at_risk) FILTER (WHERE method = 'historical') AS historical,
       -max(value_at_risk) FILTER (WHERE method = 'filtered') AS filtered
  FROM reports.portfolio_risk
 WHERE portfolio = %(portfolio)s AND confidence = %(confidence)s::numeric
   AND for_session > (SELECT max(session) FROM reports.portfolio_daily WHERE portfolio = %(portfolio)s) - %(days)s::integer
 GROUP BY for_session
 ORDER BY for_session;
