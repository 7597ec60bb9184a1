-- title: Portfolios
-- description: What can be chosen as a portfolio.
-- owner: risk
-- chart: table
-- columns:
--   portfolio: {title: Portfolio}
--   name: {title: Name}
--   currency: {title: Currency}
--   benchmark: {title: Benchmark}
SELECT portfolio, name, currency, benchmark
  FROM reports.portfolios
 ORDER BY portfolio;
