-- Stored bars in and around islands of changed bars (temporary table islands): a window of :reach bars
-- before and after each. A bar's fetched_at is that of the newest message that confirmed it, so that
-- it competes with new versions on equal terms.
SELECT DISTINCT i.partition, b.source, b.symbol, b.ts,
       b.open::text, b.high::text, b.low::text, b.close::text, b.volume::text,
       greatest(b.fetched_at,
                (SELECT max(c.fetched_at) FROM ops.bar_confirmations c
                  WHERE c.symbol = b.symbol AND c.source = b.source AND c.ts = b.ts)) AS fetched_at
  FROM islands i
 CROSS JOIN LATERAL (
        (SELECT * FROM market.bars_1m
          WHERE symbol = i.symbol AND source = i.source AND ts < i.first_ts
          ORDER BY ts DESC LIMIT $1)
        UNION ALL
        SELECT * FROM market.bars_1m
         WHERE symbol = i.symbol AND source = i.source AND ts BETWEEN i.first_ts AND i.last_ts
        UNION ALL
        (SELECT * FROM market.bars_1m
          WHERE symbol = i.symbol AND source = i.source AND ts > i.last_ts
          ORDER BY ts LIMIT $1)) b
