-- What the stories of these headlines (temporary table headlines) have said of symbols so far.
CREATE TEMP TABLE said_before ON COMMIT DROP AS
SELECT said.symbol, said.published_at, said.article_id, said.relevance, said.sentiment
  FROM (SELECT DISTINCT story_id FROM market.articles WHERE headline_key IN (SELECT headline_key FROM headlines)) stories
 CROSS JOIN LATERAL (SELECT * FROM market.story_tickers s WHERE s.story_id = stories.story_id) said
