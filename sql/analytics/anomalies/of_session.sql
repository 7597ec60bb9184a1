-- Every series that has a bar in the session $1 of its calendar.
SELECT f.symbol, f.source, s.session
  FROM market.adjustment_factors f
  JOIN market.instruments i USING (symbol)
  JOIN market.sessions s ON s.calendar = i.calendar AND s.session = $1
 WHERE f.valid_until = 'infinity'
   AND EXISTS (SELECT FROM market.bars_1m b
                WHERE b.symbol = f.symbol AND b.source = f.source
                  AND b.ts >= lower(s.hours) AND b.ts < upper(s.hours))
 ORDER BY f.symbol, f.source
