-- title: Do the methods keep their word?
-- description: >-
--   Exceedances among the newest 250 forecasts beside the expected number. A method is rejected where chance explains the
--   difference, or their coming together, with a probability below 5 %; empty until there are enough.
-- owner: risk
-- chart: table
-- columns:
--   method: {title: Method}
--   confidence: {title: Confidence, unit: percent}
--   observations: {title: Forecasts, unit: count}
--   exceedances: {title: Exceeded, unit: count}
--   expected_exceedances: {title: Expected, unit: count}
--   coverage_p: {title: Probability of chance, unit: percent}
--   verdict: {title: Verdict}
-- parameters: [portfolio]
SELECT method, confidence, observations, exceedances, expected_exceedances, coverage_p,
       CASE WHEN coverage_rejected THEN 'rejected' WHEN NOT coverage_rejected THEN 'not rejected' END AS verdict
  FROM reports.var_backtests
 WHERE portfolio = %(portfolio)s
   AND session = (SELECT max(session) FROM reports.var_backtests WHERE portfolio = %(portfolio)s)
 ORDER BY method, confidence;
