-- title: Probability that the close rises
-- description: As each model said before the session. One half says nothing.
-- owner: quants
-- chart: line
-- columns:
--   for_session: {title: Session, unit: date}
--   model: {title: Model}
--   probability: {title: Probability, unit: percent}
-- x: for_session
-- y: [probability]
-- series: model
-- parameters: [symbol, source, days]
SELECT for_session, replace(model, '_', ' ') AS model, value AS probability
  FROM reports.forecasts
 WHERE symbol = %(symbol)s AND source = %(source)s AND quantity = 'direction'
   AND for_session > current_date - %(days)s::integer
 ORDER BY for_session, model;
