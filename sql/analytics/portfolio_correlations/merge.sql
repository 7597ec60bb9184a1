-- Replaces the rows of a session ($1) by those computed (temporary table computed), which build $2 has made. Rows that
-- did not change are left alone.
WITH gone AS (
    DELETE FROM analytics.portfolio_correlations t
     WHERE t.session = $1 AND t.portfolio IN (SELECT portfolio FROM market.portfolios)
       AND NOT EXISTS (SELECT FROM computed c
                       WHERE c.portfolio = t.portfolio AND c.symbol = t.symbol AND c.other_symbol = t.other_symbol)
 RETURNING 1
), written AS (
    INSERT INTO analytics.portfolio_correlations AS t (portfolio, session, symbol, other_symbol, correlation, build_id)
    SELECT portfolio, session, symbol, other_symbol, correlation, $2
      FROM computed
        ON CONFLICT (portfolio, session, symbol, other_symbol) DO UPDATE
       SET correlation = excluded.correlation, build_id = excluded.build_id
     WHERE t.correlation IS DISTINCT FROM excluded.correlation
 RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM written) AS written
