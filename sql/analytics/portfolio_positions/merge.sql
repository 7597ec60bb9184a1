-- Replaces the rows of a session ($1) by those computed (temporary table computed), which build $2 has made. Rows that
-- did not change are left alone.
WITH gone AS (
    DELETE FROM analytics.portfolio_positions t
     WHERE t.session = $1 AND t.portfolio IN (SELECT portfolio FROM market.portfolios)
       AND NOT EXISTS (SELECT FROM computed c WHERE c.portfolio = t.portfolio AND c.symbol = t.symbol)
 RETURNING 1
), written AS (
    INSERT INTO analytics.portfolio_positions AS t (portfolio, session, symbol, shares, price, priced_on, value, weight,
           pnl, build_id)
    SELECT portfolio, session, symbol, shares, price, priced_on, value, weight, pnl, $2
      FROM computed
        ON CONFLICT (portfolio, session, symbol) DO UPDATE
       SET shares = excluded.shares, price = excluded.price, priced_on = excluded.priced_on, value = excluded.value,
           weight = excluded.weight, pnl = excluded.pnl, build_id = excluded.build_id
     WHERE (t.shares, t.price, t.priced_on, t.value, t.weight, t.pnl)
        IS DISTINCT FROM
           (excluded.shares, excluded.price, excluded.priced_on, excluded.value, excluded.weight, excluded.pnl)
 RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM written) AS written
