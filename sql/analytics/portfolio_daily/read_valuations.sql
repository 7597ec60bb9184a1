-- What each portfolio held in its newest $2 sessions up to $1 and what that was worth, the next session's holdings
-- included, whose prices nobody knows yet: one row for each portfolio, session and symbol, the benchmark among them.
-- Portfolios for which $1 is no session, or one that is not over, are left out.
WITH RECURSIVE built AS MATERIALIZED (
    SELECT p.portfolio, p.currency, p.benchmark, i.calendar
      FROM market.portfolios p
      JOIN market.instruments i ON i.symbol = p.benchmark
      JOIN market.sessions s ON s.calendar = i.calendar AND s.session = $1 AND upper(s.hours) <= now()
     WHERE EXISTS (SELECT FROM market.portfolio_versions v WHERE v.portfolio = p.portfolio AND v.valid_from <= $1)
), days AS MATERIALIZED (
    SELECT d.calendar, d.session, d.hours, lag(upper(d.hours)) OVER (PARTITION BY d.calendar ORDER BY d.session) AS since,
           upper(d.hours) AS until
      FROM (SELECT DISTINCT calendar FROM built) c
     CROSS JOIN LATERAL (
            (SELECT * FROM market.sessions s WHERE s.calendar = c.calendar AND s.session <= $1
              ORDER BY s.session DESC LIMIT $2)
            UNION ALL
            (SELECT * FROM market.sessions s WHERE s.calendar = c.calendar AND s.session > $1
              ORDER BY s.session LIMIT 1)) d
), symbols AS MATERIALIZED (
    SELECT b.portfolio, b.calendar, b.benchmark AS symbol FROM built b
    UNION
    SELECT b.portfolio, b.calendar, h.symbol FROM built b JOIN market.holdings h USING (portfolio)
), actions AS MATERIALIZED (
    SELECT * FROM market.corporate_actions WHERE symbol IN (SELECT symbol FROM symbols)
), series (symbol, source) AS (
    -- The sources that have bars, by one look into the index for each.
    SELECT s.symbol, (SELECT min(b.source) FROM market.bars_1m b WHERE b.symbol = s.symbol)
      FROM (SELECT DISTINCT symbol FROM symbols) s
    UNION ALL
    SELECT k.symbol, (SELECT min(b.source) FROM market.bars_1m b WHERE b.symbol = k.symbol AND b.source > k.source)
      FROM series k
     WHERE k.source IS NOT NULL
), closes AS MATERIALIZED (
    -- The consensus (docs/adr/0006) of the last minute within the session's hours that any source has a bar of.
    SELECT d.calendar, d.session, s.symbol, newest.ts AS priced_at, consensus.close
      FROM (SELECT DISTINCT calendar, symbol FROM symbols) s
      JOIN days d ON d.calendar = s.calendar AND d.session <= $1
     CROSS JOIN LATERAL (
            SELECT max(last.ts) AS ts
              FROM series k
             CROSS JOIN LATERAL (SELECT b.ts FROM market.bars_1m b
                                  WHERE b.symbol = k.symbol AND b.source = k.source
                                    AND b.ts >= lower(d.hours) AND b.ts < upper(d.hours) AND b.ts <@ d.hours
                                  ORDER BY b.ts DESC LIMIT 1) last
             WHERE k.symbol = s.symbol) newest
     -- With its limit the view is asked for one minute each; a plain join would have it compute all of history.
     CROSS JOIN LATERAL (SELECT c.close FROM market.consensus_bars_1m c
                          WHERE c.symbol = s.symbol AND c.ts = newest.ts LIMIT 1) consensus
), held AS MATERIALIZED (
    -- The holdings of each session, and their cash with the dividends that they have brought so far.
    SELECT b.portfolio, d.session, v.valid_from, d.until,
           v.cash + coalesce((SELECT sum(h.shares * a.amount * (SELECT market.product(s.ratio) FROM actions s
                                                                 WHERE s.symbol = h.symbol AND s.kind = 'split'
                                                                   AND s.ex_date > v.valid_from AND s.ex_date <= a.ex_date))
                                FROM market.holdings h
                                JOIN actions a ON a.symbol = h.symbol AND a.kind = 'dividend' AND a.currency = b.currency
                                              AND a.ex_date >= v.valid_from AND a.effective_at < d.until
                               WHERE h.portfolio = b.portfolio AND h.valid_from = v.valid_from), 0) AS cash
      FROM built b
      JOIN days d USING (calendar)
     CROSS JOIN LATERAL (SELECT * FROM market.portfolio_versions v
                          WHERE v.portfolio = b.portfolio AND v.valid_from <= d.session
                          ORDER BY v.valid_from DESC LIMIT 1) v
)
SELECT b.portfolio, d.session, s.symbol, s.symbol = b.benchmark AS is_benchmark,
       CASE b.calendar WHEN '24/7' THEN 365 ELSE 252 END AS sessions_per_year,
       coalesce(h.shares * (SELECT market.product(a.ratio) FROM actions a
                             WHERE a.symbol = s.symbol AND a.kind = 'split'
                               AND a.ex_date > v.valid_from AND a.effective_at < d.until), 0)::float8 AS shares,
       v.cash::float8 AS cash, c.close::float8 AS close, c.priced_at,
       -- Between the close before and this one: an owner of one share then has so many now, and was paid so much for each.
       happened.split::float8 AS split, coalesce(happened.dividend, 0)::float8 AS dividend
  FROM built b
  JOIN days d USING (calendar)
  JOIN symbols s ON s.portfolio = b.portfolio
  LEFT JOIN held v ON v.portfolio = b.portfolio AND v.session = d.session
  LEFT JOIN market.holdings h ON h.portfolio = b.portfolio AND h.valid_from = v.valid_from AND h.symbol = s.symbol
  LEFT JOIN closes c ON c.calendar = b.calendar AND c.session = d.session AND c.symbol = s.symbol
 CROSS JOIN LATERAL (
        SELECT market.product(a.ratio) AS split, sum(a.amount) FILTER (WHERE a.currency = b.currency) AS dividend
          FROM actions a
         WHERE a.symbol = s.symbol AND a.effective_at >= d.since AND a.effective_at < d.until) happened
