-- The headlines that the batch (temporary table observed) touches, those that its articles have had before included.
CREATE TEMP TABLE headlines AS
SELECT headline_key FROM observed
UNION
SELECT headline_key FROM market.articles WHERE article_id IN (SELECT article_id FROM observed)
