-- The prices of each series in the newest $2 sessions up to $1 of its instrument's calendar, five minutes apart: one row
-- for each symbol, source and session, also where nobody traded. Series without a bar in $1 are left out, and those for
-- which it is no session, or one that is not over.
WITH days AS MATERIALIZED (
    SELECT d.calendar, d.session, d.hours, lag(upper(d.hours)) OVER (PARTITION BY d.calendar ORDER BY d.session) AS since,
           (SELECT sum(upper(stretch) - lower(stretch)) FROM market.stretches(d.hours) stretch) AS length,
           (SELECT min(n.session) FROM market.sessions n WHERE n.calendar = d.calendar AND n.session > $1) AS next_session
      FROM market.sessions built
     CROSS JOIN LATERAL (SELECT * FROM market.sessions s WHERE s.calendar = built.calendar AND s.session <= $1
                          ORDER BY s.session DESC LIMIT $2) d
     WHERE built.session = $1 AND upper(built.hours) <= now()
), series AS MATERIALIZED (
    SELECT i.symbol, i.calendar, traded.source
      FROM market.instruments i
      JOIN days d ON d.calendar = i.calendar AND d.session = $1
     CROSS JOIN LATERAL (SELECT DISTINCT b.source FROM market.bars_1m b
                          WHERE b.symbol = i.symbol AND b.ts >= lower(d.hours) AND b.ts < upper(d.hours)) traded
)
SELECT s.symbol, s.source, d.session, (extract(epoch FROM d.length) / 300)::integer AS intervals,
       opening.open::float8 AS open, sampled.closes, sampled.priced_at,
       -- Between the close before and this one: an owner of one share then has so many now.
       (SELECT market.product(a.ratio ORDER BY a.ex_date) FROM market.corporate_actions a
         WHERE a.symbol = s.symbol AND a.kind = 'split' AND a.effective_at >= d.since
           AND a.effective_at < upper(d.hours))::float8 AS split,
       d.next_session
  FROM series s
  JOIN days d USING (calendar)
  LEFT JOIN LATERAL (SELECT b.open FROM market.bars_1m b
                      WHERE b.symbol = s.symbol AND b.source = s.source AND b.ts >= lower(d.hours)
                        AND b.ts < upper(d.hours) ORDER BY b.ts LIMIT 1) opening ON true
 CROSS JOIN LATERAL (
        SELECT array_agg(last.close::float8 ORDER BY last.ts) AS closes, max(last.ts) AS priced_at
          FROM (SELECT DISTINCT ON (date_bin('5 minutes', b.ts, lower(d.hours))) b.ts, b.close
                  FROM market.bars_1m b
                 WHERE b.symbol = s.symbol AND b.source = s.source AND b.ts >= lower(d.hours) AND b.ts < upper(d.hours)
                   AND b.ts <@ d.hours
                 ORDER BY date_bin('5 minutes', b.ts, lower(d.hours)), b.ts DESC) last) sampled
