-- title: Do probabilities come true?
-- description: How often the close rose where a model said so with about this probability. A true model lies on the diagonal.
-- owner: quants
-- chart: scatter
-- columns:
--   said: {title: Probability said, unit: percent}
--   came_true: {title: Share that rose, unit: percent}
--   model: {title: Model}
--   sessions: {title: Sessions, unit: count}
-- x: said
-- y: [came_true]
-- series: model
-- parameters: [symbol, source]
SELECT mean_probability AS said, share_risen AS came_true,
       replace(model, '_', ' ') || CASE WHEN made_afterwards THEN ', afterwards' ELSE '' END AS model, sessions
  FROM reports.forecast_reliability
 WHERE symbol = %(symbol)s AND source = %(source)s
 ORDER BY model, said;
