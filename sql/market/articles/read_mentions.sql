-- What the batch has changed of what stories say of symbols (temporary tables headlines, said_before), and of the same
-- symbols all other stories that share a window of $1 hours with a change; whole days are read, which is more.
-- OFFSET 0 as in remember_stories.sql.
WITH said_now AS (
    SELECT said.symbol, said.published_at, said.article_id, said.relevance, said.sentiment
      FROM (SELECT DISTINCT story_id FROM market.articles
             WHERE headline_key IN (SELECT headline_key FROM headlines)) stories
     CROSS JOIN LATERAL (SELECT * FROM market.story_tickers s WHERE s.story_id = stories.story_id OFFSET 0) said
), changed AS (
    (SELECT *, false AS is_removed FROM said_now EXCEPT ALL SELECT *, false FROM said_before)
    UNION ALL
    (SELECT *, true FROM said_before EXCEPT ALL SELECT *, true FROM said_now)
), days AS (
    SELECT DISTINCT date_trunc('day', published_at) AS day FROM changed
), stories AS (
    SELECT DISTINCT a.story_id
      FROM days
      JOIN market.articles a ON a.published_at >= day - $1 * interval '1 hour'
                            AND a.published_at < day + interval '1 day' + $1 * interval '1 hour'
)
SELECT symbol, published_at, article_id, relevance::float8, sentiment::float8, true AS is_changed, is_removed
  FROM changed
UNION ALL
SELECT said.symbol, said.published_at, said.article_id, said.relevance::float8, said.sentiment::float8, false, false
  FROM stories
 CROSS JOIN LATERAL (SELECT * FROM market.story_tickers s WHERE s.story_id = stories.story_id OFFSET 0) said
 WHERE said.symbol IN (SELECT symbol FROM changed)
   AND NOT EXISTS (SELECT FROM changed c
                    WHERE c.symbol = said.symbol AND c.article_id = said.article_id AND NOT c.is_removed)
