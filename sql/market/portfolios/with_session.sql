-- The portfolios that have this session, over by now, and something to value in it.
SELECT p.portfolio
  FROM market.portfolios p
  JOIN market.instruments i ON i.symbol = p.benchmark
  JOIN market.sessions s ON s.calendar = i.calendar AND s.session = %(session)s AND upper(s.hours) <= now()
 WHERE EXISTS (SELECT FROM market.portfolio_versions v
                WHERE v.portfolio = p.portfolio AND v.valid_from <= %(session)s)
 ORDER BY p.portfolio
