-- The newest bars make sense: each check returns what is expected and what was found. All look at the newest 200 bars
-- of each symbol and source that was published lately, by primary key, so that they cost nothing after every load.

-- check: prices_lie_between_low_and_high (fail)
SELECT 0 AS expected, count(*) AS found
  FROM ops.source_watermarks m
 CROSS JOIN LATERAL (SELECT * FROM market.bars_1m b
                      WHERE b.symbol = m.symbol AND b.source = m.source
                      ORDER BY b.ts DESC LIMIT 200) b
 WHERE m.updated_at > now() - interval '2 hours'
   AND NOT (b.low > 0 AND b.low <= least(b.open, b.close) AND b.high >= greatest(b.open, b.close));

-- check: bars_start_on_whole_minutes_of_the_past (fail)
SELECT 0 AS expected, count(*) AS found
  FROM ops.source_watermarks m
 CROSS JOIN LATERAL (SELECT * FROM market.bars_1m b
                      WHERE b.symbol = m.symbol AND b.source = m.source
                      ORDER BY b.ts DESC LIMIT 200) b
 WHERE m.updated_at > now() - interval '2 hours'
   AND (b.ts <> date_trunc('minute', b.ts) OR b.ts > now() + interval '5 minutes');

-- check: every_bar_has_its_indicators (fail)
SELECT count(*) AS expected, count(n.symbol) AS found
  FROM ops.source_watermarks m
 CROSS JOIN LATERAL (SELECT * FROM market.bars_1m b
                      WHERE b.symbol = m.symbol AND b.source = m.source
                      ORDER BY b.ts DESC LIMIT 200) b
  LEFT JOIN analytics.indicators_1m n ON n.symbol = b.symbol AND n.source = b.source AND n.ts = b.ts
 WHERE m.updated_at > now() - interval '2 hours';

-- check: every_bar_is_of_a_known_instrument (fail)
SELECT 0 AS expected, count(*) AS found
  FROM ops.source_watermarks m
  LEFT JOIN market.instruments i USING (symbol)
 WHERE m.updated_at > now() - interval '2 hours' AND i.symbol IS NULL;

-- What detect_anomalies finds every quarter of an hour, a price ten times too high needs not wait for. A split that was
-- not told explains one, too, and is as urgent.
-- check: no_new_bar_is_twice_or_half_of_the_one_before (warn)
SELECT 0 AS expected, count(*) AS found
  FROM ops.source_watermarks m
 CROSS JOIN LATERAL (SELECT b.*, lag(b.close) OVER (ORDER BY b.ts) AS before
                       FROM (SELECT * FROM market.bars_1m b
                              WHERE b.symbol = m.symbol AND b.source = m.source
                              ORDER BY b.ts DESC LIMIT 200) b) b
 WHERE m.updated_at > now() - interval '2 hours'
   AND b.fetched_at > now() - interval '5 minutes'
   AND (b.high > 2 * b.before OR b.low < b.before / 2)
   AND NOT EXISTS (SELECT FROM market.corporate_actions a
                    WHERE a.symbol = b.symbol AND a.kind = 'split'
                      AND a.effective_at > b.ts - interval '4 days' AND a.effective_at <= b.ts);
