-- Tells which articles of these headlines (temporary table headlines) are one story: those that follow one another
-- within 24 hours. Made anew from all of them, so that the order of arrival decides nothing.
WITH ordered AS (
    SELECT *, coalesce(published_at - lag(published_at) OVER in_time > interval '24 hours', true) AS begins
      FROM market.articles
     WHERE headline_key IN (SELECT headline_key FROM headlines)
    WINDOW in_time AS (PARTITION BY headline_key ORDER BY published_at, source COLLATE "C", article_id)
), numbered AS (
    SELECT *, count(*) FILTER (WHERE begins) OVER (PARTITION BY headline_key
                                                   ORDER BY published_at, source COLLATE "C", article_id) AS number
      FROM ordered
), told AS (
    SELECT article_id, first_value(article_id) OVER (PARTITION BY headline_key, number
                                                     ORDER BY published_at, source COLLATE "C", article_id) AS story_id
      FROM numbered
)
UPDATE market.articles t SET story_id = told.story_id
  FROM told
 WHERE t.article_id = told.article_id AND t.story_id <> told.story_id
