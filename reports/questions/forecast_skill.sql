-- title: Gain over the random walk
-- description: By how much the loss of volatility forecasts (QLIKE) is less than the random walk's, in time and afterwards together; below zero is worse.
-- owner: quants
-- chart: bar
-- columns:
--   symbol: {title: Symbol}
--   model: {title: Model}
--   skill: {title: Less loss, unit: percent}
-- x: symbol
-- y: [skill]
-- series: model
-- parameters: [source]
SELECT symbol, replace(model, '_', ' ') AS model,
       1 - sum(qlike * sessions) / nullif(sum(baseline_qlike * sessions), 0) AS skill
  FROM reports.forecast_scores
 WHERE source = %(source)s AND quantity = 'volatility'
 GROUP BY symbol, model
 ORDER BY symbol, model;
