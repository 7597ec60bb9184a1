-- Of what was built in the last two hours.

-- check: each_series_has_a_forecast_of_each_model (fail)
SELECT 5 * count(DISTINCT (symbol, source, for_session)) AS expected, count(*) AS found
  FROM analytics.forecasts
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours');

-- check: forecasts_are_for_the_next_session (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.forecasts f
  JOIN market.instruments i USING (symbol)
 CROSS JOIN LATERAL (SELECT s.session FROM market.sessions s
                      WHERE s.calendar = i.calendar AND s.session > f.session ORDER BY s.session LIMIT 1) next
 WHERE f.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND f.for_session <> next.session;

-- check: outcomes_are_of_sessions_that_are_over (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.forecasts f
  JOIN market.instruments i USING (symbol)
  LEFT JOIN market.sessions s ON s.calendar = i.calendar AND s.session = f.for_session AND upper(s.hours) <= now()
 WHERE f.outcome_build_id IN (SELECT build_id FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND s.session IS NULL;

-- check: what_was_forecast_has_an_outcome (warn)
SELECT count(*) AS expected, count(outcome) AS found
  FROM analytics.forecasts f
  JOIN market.instruments i USING (symbol)
  JOIN market.sessions s ON s.calendar = i.calendar AND s.session = f.for_session AND upper(s.hours) <= now()
 WHERE f.for_session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours');
