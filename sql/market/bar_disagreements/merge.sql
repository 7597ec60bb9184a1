-- Compares every pair of sources in the touched minutes. A pair that agrees again keeps the values that did not.
WITH merged AS (
    MERGE INTO market.bar_disagreements known
    USING (SELECT one.symbol, one.ts, one.source, other.source AS other_source, one.open, one.high, one.low, one.close,
                  other.open AS other_open, other.high AS other_high, other.low AS other_low,
                  other.close AS other_close, market.ticks_apart(one, other, i.tick) AS ticks_apart
             FROM pg_temp.touched t
             JOIN market.instruments i USING (symbol)
             JOIN market.bars_1m one ON one.symbol = t.symbol AND one.ts = t.ts
             JOIN market.bars_1m other ON other.symbol = t.symbol AND other.ts = t.ts
                                      AND other.source > one.source) now
       ON (known.symbol, known.ts, known.source, known.other_source)
        = (now.symbol, now.ts, now.source, now.other_source)
    WHEN MATCHED AND now.ticks_apart <= %(tolerance_ticks)s AND known.resolved_at IS NULL THEN
        UPDATE SET resolved_at = clock_timestamp()
    WHEN MATCHED AND now.ticks_apart > %(tolerance_ticks)s
                 AND (known.open, known.high, known.low, known.close,
                      known.other_open, known.other_high, known.other_low, known.other_close,
                      known.ticks_apart, known.resolved_at)
    IS DISTINCT FROM (now.open, now.high, now.low, now.close,
                      now.other_open, now.other_high, now.other_low, now.other_close, now.ticks_apart, NULL) THEN
        UPDATE SET open = now.open, high = now.high, low = now.low, close = now.close,
                   other_open = now.other_open, other_high = now.other_high, other_low = now.other_low,
                   other_close = now.other_close, ticks_apart = now.ticks_apart, resolved_at = NULL
    WHEN NOT MATCHED AND now.ticks_apart > %(tolerance_ticks)s THEN
        INSERT (symbol, ts, source, other_source, open, high, low, close,
                other_open, other_high, other_low, other_close, ticks_apart)
        VALUES (now.symbol, now.ts, now.source, now.other_source, now.open, now.high, now.low, now.close,
                now.other_open, now.other_high, now.other_low, now.other_close, now.ticks_apart)
    RETURNING merge_action() AS action, known.resolved_at
)
SELECT (SELECT count(*) FROM pg_temp.touched),
       count(*) FILTER (WHERE action = 'INSERT'),
       count(*) FILTER (WHERE action = 'UPDATE' AND resolved_at IS NULL),
       count(*) FILTER (WHERE action = 'UPDATE' AND resolved_at IS NOT NULL)
  FROM merged
