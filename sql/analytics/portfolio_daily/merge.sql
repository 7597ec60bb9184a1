-- Replaces the rows of a session ($1) by those computed (temporary table computed), which build $2 has made. Rows that
-- did not change are left alone.
WITH gone AS (
    DELETE FROM analytics.portfolio_daily t
     WHERE t.session = $1 AND t.portfolio IN (SELECT portfolio FROM market.portfolios)
       AND NOT EXISTS (SELECT FROM computed c WHERE c.portfolio = t.portfolio)
 RETURNING 1
), written AS (
    INSERT INTO analytics.portfolio_daily AS t (portfolio, session, nav, cash, pnl, session_return, benchmark_return,
           gross_exposure, net_exposure, volatility_21, volatility_63, beta_63, sharpe_63, drawdown_252,
           max_drawdown_252, build_id)
    SELECT portfolio, session, nav, cash, pnl, session_return, benchmark_return, gross_exposure, net_exposure,
           volatility_21, volatility_63, beta_63, sharpe_63, drawdown_252, max_drawdown_252, $2
      FROM computed
        ON CONFLICT (portfolio, session) DO UPDATE
       SET nav = excluded.nav, cash = excluded.cash, pnl = excluded.pnl, session_return = excluded.session_return,
           benchmark_return = excluded.benchmark_return, gross_exposure = excluded.gross_exposure,
           net_exposure = excluded.net_exposure, volatility_21 = excluded.volatility_21,
           volatility_63 = excluded.volatility_63, beta_63 = excluded.beta_63, sharpe_63 = excluded.sharpe_63,
           drawdown_252 = excluded.drawdown_252, max_drawdown_252 = excluded.max_drawdown_252,
           build_id = excluded.build_id
     WHERE (t.nav, t.cash, t.pnl, t.session_return, t.benchmark_return, t.gross_exposure, t.net_exposure,
            t.volatility_21, t.volatility_63, t.beta_63, t.sharpe_63, t.drawdown_252, t.max_drawdown_252)
        IS DISTINCT FROM
           (excluded.nav, excluded.cash, excluded.pnl, excluded.session_return, excluded.benchmark_return,
            excluded.gross_exposure, excluded.net_exposure, excluded.volatility_21, excluded.volatility_63,
            excluded.beta_63, excluded.sharpe_63, excluded.drawdown_252, excluded.max_drawdown_252)
 RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM written) AS written
