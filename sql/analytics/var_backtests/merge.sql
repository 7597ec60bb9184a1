-- Replaces the rows of a session ($1) by those computed (temporary table computed), which build $2 has made. Rows that
-- did not change are left alone.
WITH gone AS (
    DELETE FROM analytics.var_backtests t
     WHERE t.session = $1 AND t.portfolio IN (SELECT portfolio FROM market.portfolios)
       AND NOT EXISTS (SELECT FROM computed c
                       WHERE c.portfolio = t.portfolio AND c.method = t.method
                         AND c.confidence::numeric(4, 3) = t.confidence)
 RETURNING 1
), written AS (
    INSERT INTO analytics.var_backtests AS t (portfolio, session, method, confidence, observations, exceedances,
           kupiec_lr, kupiec_p, independence_lr, independence_p, coverage_lr, coverage_p, build_id)
    SELECT portfolio, session, method, confidence::numeric(4, 3), observations, exceedances, kupiec_lr, kupiec_p,
           independence_lr, independence_p, coverage_lr, coverage_p, $2
      FROM computed
        ON CONFLICT (portfolio, session, method, confidence) DO UPDATE
       SET observations = excluded.observations, exceedances = excluded.exceedances, kupiec_lr = excluded.kupiec_lr,
           kupiec_p = excluded.kupiec_p, independence_lr = excluded.independence_lr,
           independence_p = excluded.independence_p, coverage_lr = excluded.coverage_lr,
           coverage_p = excluded.coverage_p, build_id = excluded.build_id
     WHERE (t.observations, t.exceedances, t.kupiec_lr, t.kupiec_p, t.independence_lr, t.independence_p, t.coverage_lr,
            t.coverage_p)
        IS DISTINCT FROM
           (excluded.observations, excluded.exceedances, excluded.kupiec_lr, excluded.kupiec_p,
            excluded.independence_lr, excluded.independence_p, excluded.coverage_lr, excluded.coverage_p)
 RETURNING 1
)
SELECT (SELECT count(*) FROM gone) AS gone, (SELECT count(*) FROM written) AS written
