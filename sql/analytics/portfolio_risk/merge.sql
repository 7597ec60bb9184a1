-- Replaces the rows of a session ($1) by those computed (temporary table computed), which build $2 has made. Rows that
-- did not change are left alone.
WITH gone AS (
    DELETE FROM analytics.portfolio_risk t
     WHERE t.session = $1 AND t.portfolio IN (SELECT portfolio FROM market.portfolios)
       AND NOT EXISTS (SELECT FROM computed c
                       WHERE c.portfolio = t.portfolio AND c.method = t.method
                         AND c.confidence::numeric(4, 3) = t.confidence)
 RETURNING 1
), written AS (
    INSERT INTO analytics.portfolio_risk AS t (portfolio, session, method, confidence, for_session, value_at_risk,
           expected_shortfall, build_id)
    SELECT portfolio, session, method, confidence::numeric(4, 3), for_session, value_at_risk, expected_shortfall, $2
      FROM computed
        ON CONFLICT (portfolio, session, method, confidence) DO UPDATE
       SET for_session = excluded.for_session, value_at_risk = excluded.value_at_risk,
           expected_shortfall = excluded.expected_shortfall, build_id = excluded.build_id
     WHERE (t.for_session, t.value_at_risk, t.expected_shortfall)
        IS DISTINCT FROM
           (excluded.for_session, excluded.value_at_risk, excluded.expected_shortfall)
 RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM written) AS written
