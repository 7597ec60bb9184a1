SELECT symbol, watermark, recent_bars, updated_at
  FROM ops.source_watermarks
 WHERE source = %(source)s AND interval = %(interval)s
