-- title: Forecasts of the next session
-- description: >-
--   The newest forecast of each model. Volatility is of regular hours and not annualised; direction is the probability that the
--   close rises. Compare with the record before you believe one.
-- owner: quants
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   name: {title: Name}
--   for_session: {title: Session, unit: date}
--   quantity: {title: Of what}
--   model: {title: Model}
--   value: {title: Forecast, unit: percent}
-- parameters: [source]
SELECT DISTINCT ON (symbol, quantity, model) symbol, name, for_session, quantity, replace(model, '_', ' ') AS model, value
  FROM reports.forecasts
 WHERE source = %(source)s
 ORDER BY symbol, quantity, model, for_session DESC;
