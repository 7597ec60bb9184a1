-- Brings the batch's articles (temporary table observed) up to their current version. A new one is a story of its own
-- until tell_stories.sql has run.
INSERT INTO market.articles AS t
       (article_id, source, url, publisher, headline, headline_key, summary, published_at, tickers, sentiment, vader,
        known_from, story_id)
SELECT v.article_id, v.source, v.url, v.publisher, v.headline, v.headline_key, v.summary, v.published_at, v.tickers,
       v.sentiment, v.vader, v.known_from, v.article_id
  FROM (SELECT DISTINCT article_id FROM observed) o
 CROSS JOIN LATERAL (SELECT *
                       FROM market.article_versions v
                      WHERE v.article_id = o.article_id AND v.known_until IS NULL
                      -- There is but one; so said, it is looked up by index.
                      LIMIT 1) v
    ON CONFLICT (article_id) DO UPDATE
   SET source = excluded.source, url = excluded.url, publisher = excluded.publisher, headline = excluded.headline,
       headline_key = excluded.headline_key, summary = excluded.summary, published_at = excluded.published_at,
       tickers = excluded.tickers, sentiment = excluded.sentiment, vader = excluded.vader,
       known_from = excluded.known_from
 WHERE (t.source, t.url, t.publisher, t.headline, t.summary, t.published_at, t.tickers, t.sentiment, t.known_from)
       IS DISTINCT FROM
       (excluded.source, excluded.url, excluded.publisher, excluded.headline, excluded.summary, excluded.published_at,
        excluded.tickers, excluded.sentiment, excluded.known_from)
