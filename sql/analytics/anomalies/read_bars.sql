-- The bars of the wanted sessions (temporary table wanted) and of the 20 sessions before each; of a session without any
-- one row without a time.
WITH numbered AS MATERIALIZED (
    SELECT calendar, session, hours, lower(hours) AS opens_at, upper(hours) AS closes_at,
           row_number() OVER by_calendar AS number, lag(upper(hours)) OVER by_calendar AS since
      FROM market.sessions
    WINDOW by_calendar AS (PARTITION BY calendar ORDER BY session)
), needed AS (
    SELECT w.symbol, w.source, n.calendar, n.number, bool_or(n.number = o.number) AS is_wanted
      FROM wanted w
      JOIN market.instruments i USING (symbol)
      JOIN numbered o ON o.calendar = i.calendar AND o.session = w.session
      JOIN numbered n ON n.calendar = o.calendar AND n.number BETWEEN o.number - 20 AND o.number
     GROUP BY w.symbol, w.source, n.calendar, n.number
), sessions AS MATERIALIZED (
    SELECT n.symbol, n.source, s.session, s.number, n.is_wanted, s.hours, s.opens_at, s.closes_at,
           -- Since the close before: an owner of one share then has so many now.
           (SELECT market.product(a.ratio ORDER BY a.ex_date) FROM market.corporate_actions a
             WHERE a.symbol = n.symbol AND a.kind = 'split'
               AND a.effective_at >= s.since AND a.effective_at < s.closes_at) AS split
      FROM needed n
      JOIN numbered s USING (calendar, number)
)
SELECT s.symbol, s.source, s.session, s.number::integer AS number, s.is_wanted, s.opens_at, s.closes_at,
       s.split::float8 AS split, i.tick::float8 AS tick, b.ts, b.open::float8 AS open, b.high::float8 AS high,
       b.low::float8 AS low, b.close::float8 AS close, b.volume::float8 AS volume
  FROM sessions s
  JOIN market.instruments i USING (symbol)
  LEFT JOIN market.bars_1m b ON b.symbol = s.symbol AND b.source = s.source
                            AND b.ts >= s.opens_at AND b.ts < s.closes_at AND b.ts <@ s.hours
