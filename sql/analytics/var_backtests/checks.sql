-- Of the sessions that were built in the last two hours.

-- check: exceedances_and_probabilities_are_possible (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.var_backtests
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND (exceedances NOT BETWEEN 0 AND observations OR observations > 250 OR kupiec_lr < 0 OR independence_lr < 0
        OR kupiec_p NOT BETWEEN 0 AND 1 OR independence_p NOT BETWEEN 0 AND 1 OR coverage_p NOT BETWEEN 0 AND 1);

-- check: each_kind_of_forecast_is_tested (fail)
SELECT count(*) AS expected, count(t.portfolio) AS found
  FROM analytics.portfolio_risk r
  LEFT JOIN analytics.var_backtests t ON t.portfolio = r.portfolio AND t.session = r.session AND t.method = r.method
                                     AND t.confidence = r.confidence
 WHERE r.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours');

-- check: no_model_is_rejected (warn)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.var_backtests
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND (kupiec_rejected OR coverage_rejected);
