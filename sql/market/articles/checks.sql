-- Articles, stories and sentiment agree: each check returns what is expected and what was found. All look at what was
-- published in the last three days, by index (hence LIMIT 1 and OFFSET 0, which keep a look-up from becoming a join of
-- all), so that they cost nothing after every load.

-- check: every_article_is_of_a_story_that_begins_with_it_or_before (fail)
SELECT count(*) AS expected, count(s.article_id) AS found
  FROM market.articles a
  LEFT JOIN market.articles s ON s.article_id = a.story_id AND s.story_id = s.article_id
                             AND s.headline_key = a.headline_key AND s.published_at <= a.published_at
 WHERE a.published_at > now() - interval '3 days';

-- check: every_article_is_the_newest_thing_its_source_said (fail)
SELECT count(*) AS expected, count(v.article_id) AS found
  FROM market.articles a
  LEFT JOIN LATERAL (SELECT * FROM market.article_versions v
                      WHERE v.article_id = a.article_id AND v.known_until IS NULL
                      LIMIT 1) v ON v.known_from = a.known_from
 WHERE a.published_at > now() - interval '3 days';

-- check: hours_count_each_story_once_for_each_symbol (fail)
SELECT (SELECT count(*)
          FROM (SELECT DISTINCT story_id FROM market.articles
                 WHERE published_at > date_trunc('hour', now()) - interval '3 days') stories
         CROSS JOIN LATERAL (SELECT * FROM market.story_tickers s WHERE s.story_id = stories.story_id OFFSET 0) s
         WHERE s.published_at > date_trunc('hour', now()) - interval '3 days') AS expected,
       (SELECT coalesce(sum(stories), 0) FROM analytics.sentiment_1h
         WHERE hour_end > date_trunc('hour', now()) - interval '3 days') AS found;

-- check: sentiment_is_between_minus_1_and_1 (fail)
SELECT 0 AS expected, count(*) AS found
  FROM analytics.sentiment_1h
 WHERE hour_end > now() - interval '3 days'
   AND NOT (coalesce(abs(mean_sentiment), 0) <= 1 + 1e-9 AND coalesce(abs(decayed_sentiment), 0) <= 1 + 1e-9);

-- check: every_article_is_of_a_known_instrument (fail)
SELECT 0 AS expected, count(*) AS found
  FROM market.article_tickers t
  LEFT JOIN market.instruments i USING (symbol)
 WHERE t.published_at > now() - interval '3 days' AND i.symbol IS NULL;
