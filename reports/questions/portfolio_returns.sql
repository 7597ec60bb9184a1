-- title: Return against the benchmark
-- description: Both compounded over the sessions shown, dividends included; a session without a value counts as no change.
-- owner: risk
-- chart: line
-- columns:
--   session: {title: Session, unit: date}
--   portfolio: {title: Portfolio, unit: percent}
--   benchmark: {title: Benchmark, unit: percent}
-- x: session
-- y: [portfolio, benchmark]
-- parameters: [portfolio, days]
SELECT session,
       exp(coalesce(sum(CASE WHEN session_return > -1 THEN ln(1 + session_return) END) OVER so_far, 0)) - 1 AS portfolio,
       exp(coalesce(sum(CASE WHEN benchmark_return > -1 THEN ln(1 + benchmark_return) END) OVER so_far, 0)) - 1 AS benchmark
  FROM reports.portfolio_daily
 WHERE portfolio = %(portfolio)s
   AND session > (SELECT max(session) FROM reports.portfolio_daily WHERE portfolio = %(portfolio)s) - %(days)s::integer
WINDOW so_far AS (ORDER BY session)
 ORDER BY session;
