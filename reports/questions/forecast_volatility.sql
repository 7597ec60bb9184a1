-- title: Volatility, forecast and realised
-- description: Of regular hours of each session, not annualised.
-- owner: quants
-- chart: line
-- columns:
--   for_session: {title: Session, unit: date}
--   model: {title: Model}
--   volatility: {title: Volatility, unit: percent}
-- x: for_session
-- y: [volatility]
-- series: model
-- parameters: [symbol, source, days]
WITH shown AS (
    SELECT for_session, model, value, outcome
      FROM reports.forecasts
     WHERE symbol = %(symbol)s AND source = %(source)s AND quantity = 'volatility'
       AND for_session > current_date - %(days)s::integer
)
SELECT for_session, replace(model, '_', ' ') AS model, value AS volatility FROM shown
UNION ALL
SELECT for_session, 'realised', max(outcome) FROM shown WHERE outcome IS NOT NULL GROUP BY for_session
 ORDER BY for_session, model;
