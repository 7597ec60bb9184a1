-- Of the sessions that were built in the last two hours.

-- check: correlations_lie_between_minus_one_and_one (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.portfolio_correlations
 WHERE session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours')
   AND correlation NOT BETWEEN -1 AND 1;

-- check: each_pair_that_is_held_has_one (fail)
SELECT count(*) AS expected, count(c.portfolio) AS found
  FROM analytics.portfolio_positions one
  JOIN analytics.portfolio_positions other ON other.portfolio = one.portfolio AND other.session = one.session
                                          AND other.symbol > one.symbol
  LEFT JOIN analytics.portfolio_correlations c ON c.portfolio = one.portfolio AND c.session = one.session
                                              AND c.symbol = one.symbol AND c.other_symbol = other.symbol
 WHERE one.session IN (SELECT session FROM ops.daily_builds WHERE built_at > now() - interval '2 hours');
