-- The last trade beside the newest bar of each source that is polled for the instrument. Before a session nothing is
-- late: what it should bring is counted from its opening on.
INSERT INTO ops.quote_checks AS known
       (symbol, quote_source, bar_source, price, traded_at, bar_ts, bar_close, state, checked_at)
SELECT %(symbol)s, %(quote_source)s, polled.source, quote.price, quote.traded_at, newest.ts, newest.close,
       CASE WHEN quote.traded_at > reached.until + polled.late THEN 'bars_late'
            WHEN quote.traded_at >= quote.opens
                 AND (quote.price < same.low - %(tolerance)s OR quote.price > same.high + %(tolerance)s)
            THEN 'price_differs'
            WHEN quote.checked_at > reached.until + polled.late THEN 'not_traded'
            ELSE 'agrees' END,
       quote.checked_at
  FROM (SELECT %(price)s::numeric AS price, %(traded_at)s::timestamptz AS traded_at,
               coalesce(%(opens)s::timestamptz, '-infinity') AS opens, %(checked_at)s::timestamptz AS checked_at) quote
 CROSS JOIN unnest(%(bar_sources)s::text[], %(late)s::interval[]) AS polled (source, late)
 CROSS JOIN LATERAL (SELECT b.ts, b.close
                       FROM market.bars_1m b
                      WHERE b.symbol = %(symbol)s AND b.source = polled.source
                      ORDER BY b.ts DESC
                      LIMIT 1) newest
 CROSS JOIN LATERAL (SELECT greatest(newest.ts + interval '1 minute', quote.opens) AS until) reached
  LEFT JOIN market.bars_1m same ON same.symbol = %(symbol)s AND same.source = polled.source
                               AND same.ts = date_trunc('minute', quote.traded_at)
ON CONFLICT (symbol, quote_source, bar_source) DO UPDATE
   SET price = excluded.price, traded_at = excluded.traded_at, bar_ts = excluded.bar_ts,
       bar_close = excluded.bar_close, state = excluded.state, checked_at = excluded.checked_at
RETURNING known.bar_source, known.state
