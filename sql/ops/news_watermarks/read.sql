SELECT watermark, recent_articles FROM ops.news_watermarks WHERE source = %(source)s
