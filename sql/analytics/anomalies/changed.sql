-- The sessions of a series in which a bar or a split was loaded since they were last looked at, and the 20 sessions
-- after each, of whose windows it is a part.
WITH bars AS (
    SELECT DISTINCT m.symbol, m.source, m.ts
      FROM ops.undetected l
      JOIN raw.bars m ON m.topic = l.topic AND m.partition = l.partition
                     AND m.kafka_offset >= l.start_offset AND m.kafka_offset < l.end_offset
), splits AS (
    -- Wherever a split of that day was ever said to take effect: it may have been moved.
    SELECT DISTINCT o.symbol, f.source, o.effective_at
      FROM ops.undetected l
      JOIN raw.actions m ON m.topic = l.topic AND m.partition = l.partition
                        AND m.kafka_offset >= l.start_offset AND m.kafka_offset < l.end_offset
      JOIN ops.action_observations o ON o.symbol = m.symbol AND o.kind = 'split' AND o.ex_date = m.ex_date
      JOIN market.adjustment_factors f ON f.symbol = o.symbol
     WHERE m.kind = 'split'
), touched AS (
    SELECT DISTINCT b.symbol, b.source, s.calendar, s.session
      FROM bars b
      JOIN market.instruments i USING (symbol)
      JOIN market.sessions s ON s.calendar = i.calendar AND s.hours @> b.ts
                            AND s.session BETWEEN (b.ts AT TIME ZONE 'UTC')::date - 1 AND (b.ts AT TIME ZONE 'UTC')::date + 1
    UNION
    SELECT p.symbol, p.source, s.calendar, s.session
      FROM splits p
      JOIN market.instruments i USING (symbol)
     CROSS JOIN LATERAL (SELECT * FROM market.sessions s
                          WHERE s.calendar = i.calendar AND upper(s.hours) > p.effective_at
                          ORDER BY s.session LIMIT 1) s
)
SELECT DISTINCT t.symbol, t.source, w.session
  FROM touched t
 CROSS JOIN LATERAL (SELECT s.session, s.hours FROM market.sessions s
                      WHERE s.calendar = t.calendar AND s.session >= t.session
                      ORDER BY s.session LIMIT 21) w
 WHERE EXISTS (SELECT FROM market.bars_1m b
                WHERE b.symbol = t.symbol AND b.source = t.source
                  AND b.ts >= lower(w.hours) AND b.ts < upper(w.hours))
 ORDER BY t.symbol, t.source, w.session
