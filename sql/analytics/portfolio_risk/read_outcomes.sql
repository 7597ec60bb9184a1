-- The newest $2 forecasts of each kind for sessions up to $1, and what came of them. The outcome of $1 itself is null:
-- it is being computed.
SELECT portfolio, method, confidence::float8 AS confidence, for_session, value_at_risk, pnl
  FROM (SELECT r.*, d.pnl, row_number() OVER (PARTITION BY r.portfolio, r.method, r.confidence
                                              ORDER BY r.for_session DESC) AS place
          FROM analytics.portfolio_risk r
          LEFT JOIN analytics.portfolio_daily d ON d.portfolio = r.portfolio AND d.session = r.for_session
                                               AND d.session < $1
         WHERE r.session < $1 AND r.for_session <= $1 AND r.value_at_risk IS NOT NULL
           AND (r.for_session = $1 OR d.pnl IS NOT NULL)) known
 WHERE place <= $2
