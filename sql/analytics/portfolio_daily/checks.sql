-- The newest builds make sense: each check returns what is expected and what was found. All look at the sessions that
-- were built in the last two hours.

-- check: nav_is_cash_and_positions (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_daily d
 CROSS JOIN LATERAL (SELECT coalesce(sum(q.value), 0) AS value, count(*) FILTER (WHERE q.value IS NULL) AS unpriced
                       FROM analytics.portfolio_positions q
                      WHERE q.portfolio = d.portfolio AND q.session = d.session) held
 WHERE d.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND (abs(d.nav - d.cash - held.value) > 1e-9 * (abs(d.cash) + d.gross_exposure)
        OR (d.nav IS NULL) <> (held.unpriced > 0));

-- check: pnl_is_that_of_the_positions (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_daily d
 CROSS JOIN LATERAL (SELECT coalesce(sum(q.pnl), 0) AS pnl
                       FROM analytics.portfolio_positions q
                      WHERE q.portfolio = d.portfolio AND q.session = d.session) held
 WHERE d.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND abs(d.pnl - held.pnl) > 1e-9 * (abs(d.cash) + d.gross_exposure);

-- check: exposures_and_drawdowns_are_possible (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_daily
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND (gross_exposure < abs(net_exposure) OR drawdown_252 > 0 OR max_drawdown_252 > drawdown_252
        OR volatility_21 < 0 OR volatility_63 < 0);

-- check: every_portfolio_with_the_session_was_valued (fail)
SELECT count(*) AS expected, count(d.portfolio) AS found
  FROM (SELECT DISTINCT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours') built
 CROSS JOIN market.portfolios p
  JOIN market.instruments i ON i.symbol = p.benchmark
  JOIN market.sessions s ON s.calendar = i.calendar AND s.session = built.session AND upper(s.hours) <= now()
  LEFT JOIN analytics.portfolio_daily d ON d.portfolio = p.portfolio AND d.session = built.session
 WHERE EXISTS (SELECT FROM market.portfolio_versions v
                WHERE v.portfolio = p.portfolio AND v.valid_from <= built.session);

-- check: no_session_lies_in_the_future (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_daily d
  JOIN ops.daily_builds b USING (build_id)
 WHERE d.session > (SELECT max(session) FROM market.sessions WHERE upper(hours) <= now()) OR b.newest_bar > b.built_at;

-- check: everything_held_has_a_price (warn)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_daily
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours') AND nav IS NULL;
