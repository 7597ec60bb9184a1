-- Of the sessions that were built in the last two hours.

-- check: value_at_risk_is_zero_or_positive_and_below_the_shortfall (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_risk
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND (value_at_risk < 0 OR expected_shortfall < value_at_risk
        OR (value_at_risk IS NULL) <> (expected_shortfall IS NULL));

-- check: more_confidence_costs_no_less (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_risk r
  JOIN analytics.portfolio_risk safer ON safer.portfolio = r.portfolio AND safer.session = r.session
                                     AND safer.method = r.method AND safer.confidence > r.confidence
 WHERE r.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND safer.value_at_risk < r.value_at_risk;

-- check: each_portfolio_has_a_forecast_of_each_kind (fail)
SELECT 4 * count(DISTINCT (d.portfolio, d.session)) AS expected, count(r.portfolio) AS found
  FROM analytics.portfolio_daily d
  LEFT JOIN analytics.portfolio_risk r ON r.portfolio = d.portfolio AND r.session = d.session
 WHERE d.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours');

-- check: a_forecast_is_for_the_next_session (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_risk r
  JOIN market.portfolios p USING (portfolio)
  JOIN market.instruments i ON i.symbol = p.benchmark
 CROSS JOIN LATERAL (SELECT s.session FROM market.sessions s
                      WHERE s.calendar = i.calendar AND s.session > r.session ORDER BY s.session LIMIT 1) next
 WHERE r.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND r.for_session <> next.session;
