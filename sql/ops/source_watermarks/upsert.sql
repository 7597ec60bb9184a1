-- updated_at is when the vendor was last asked, new bars or not.
INSERT INTO ops.source_watermarks AS known (source, symbol, interval, watermark, recent_bars, updated_at)
VALUES (%(source)s, %(symbol)s, %(interval)s, %(watermark)s, %(recent_bars)s, %(asked_at)s)
ON CONFLICT (source, symbol, interval) DO UPDATE
   SET watermark = excluded.watermark, recent_bars = excluded.recent_bars, updated_at = excluded.updated_at
