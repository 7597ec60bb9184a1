-- title: Record of each model
-- description: >-
--   Mean loss of each model beside the random walk's over the same sessions: QLIKE of volatility, Brier score of direction; less is
--   better. A model is better where chance does not explain the difference; empty below 30 sessions.
-- owner: quants
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   quantity: {title: Of what}
--   model: {title: Model}
--   made: {title: Made}
--   sessions: {title: Sessions, unit: count}
--   loss: {title: Loss, unit: ratio}
--   random_walk: {title: Loss of the random walk, unit: ratio}
--   verdict: {title: Verdict}
-- parameters: [source]
SELECT symbol, quantity, replace(model, '_', ' ') AS model, CASE WHEN made_afterwards THEN 'afterwards' ELSE 'in time' END AS made,
       sessions, coalesce(qlike, brier) AS loss, coalesce(baseline_qlike, baseline_brier) AS random_walk,
       CASE WHEN beats_baseline THEN 'better' WHEN NOT beats_baseline THEN 'not shown to be better' END AS verdict
  FROM reports.forecast_scores
 WHERE source = %(source)s
 ORDER BY symbol, quantity, model, made DESC;
