INSERT INTO ops.news_watermarks (source, watermark, recent_articles, updated_at)
VALUES (%(source)s, %(watermark)s, %(recent_articles)s, clock_timestamp())
ON CONFLICT (source) DO UPDATE
   SET watermark = excluded.watermark, recent_articles = excluded.recent_articles, updated_at = excluded.updated_at
