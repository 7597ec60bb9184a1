-- title: News of the symbol
-- description: Each story once, by its first article, the newest first. Sentiment goes from -1 (bearish) to 1 (bullish).
-- owner: analysts
-- chart: table
-- columns:
--   published_at: {title: Published, unit: time}
--   headline: {title: Headline}
--   publisher: {title: Publisher}
--   sentiment: {title: Sentiment, unit: ratio}
--   url: {title: Link}
-- parameters: [symbol, days]
SELECT published_at, headline, publisher, sentiment, url
  FROM (SELECT DISTINCT ON (story_id) published_at, headline, publisher, sentiment, url
          FROM reports.news
         WHERE symbol = %(symbol)s AND published_at > now() - make_interval(days => %(days)s)
         ORDER BY story_id, published_at, source, article_id) story
 ORDER BY published_at DESC, headline
 LIMIT 100;
