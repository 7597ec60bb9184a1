-- What the stories of these headlines (temporary table headlines) have said of symbols so far.
-- OFFSET 0 has it looked up story by story, by index: as a join, the stories of all time would be computed first.
CREATE TEMP TABLE said_before AS
SELECT said.symbol, said.published_at, said.article_id, said.relevance, said.sentiment
  FROM (SELECT DISTINCT story_id FROM market.articles WHERE headline_key IN (SELECT headline_key FROM headlines)) stories
 CROSS JOIN LATERAL (SELECT * FROM market.story_tickers s WHERE s.story_id = stories.story_id OFFSET 0) said
