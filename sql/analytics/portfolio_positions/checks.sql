-- Of the sessions that were built in the last two hours.

-- check: weights_and_cash_make_one (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_daily d
 CROSS JOIN LATERAL (SELECT coalesce(sum(q.weight), 0) AS weight
                       FROM analytics.portfolio_positions q
                      WHERE q.portfolio = d.portfolio AND q.session = d.session) held
 WHERE d.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND d.nav > 0 AND abs(held.weight + d.cash / d.nav - 1) > 1e-9 * (1 + (abs(d.cash) + d.gross_exposure) / d.nav);

-- check: prices_are_positive_and_not_of_the_future (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_positions
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND (price <= 0 OR shares = 0 OR priced_on > session OR (price IS NULL) <> (priced_on IS NULL));

-- check: prices_are_of_the_session (warn)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_positions
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND priced_on < session;
