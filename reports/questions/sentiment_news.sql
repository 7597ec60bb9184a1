-- title: News
-- description: Each story once, by its first article, with the symbols it names, the newest first. Sentiment goes from -1 (bearish) to 1 (bullish).
-- owner: analysts
-- chart: table
-- columns:
--   published_at: {title: Published, unit: time}
--   headline: {title: Headline}
--   symbols: {title: Symbols}
--   sentiment: {title: Mean sentiment, unit: ratio}
--   publisher: {title: Publisher}
--   url: {title: Link}
-- parameters: [days]
SELECT published_at, headline, symbols, sentiment, publisher, url
  FROM (SELECT DISTINCT ON (story_id) published_at, headline, publisher, url,
               string_agg(symbol, ', ' ORDER BY symbol) AS symbols, avg(sentiment) AS sentiment
          FROM reports.news
         WHERE published_at > now() - make_interval(days => %(days)s)
         GROUP BY story_id, article_id, published_at, headline, publisher, url
         ORDER BY story_id, published_at, article_id) story
 ORDER BY published_at DESC, headline
 LIMIT 100;
