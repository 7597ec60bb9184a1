-- Keeps what the batch (temporary table observed) says of articles and nobody has said before. Returns, by range, how
-- many messages became versions: of observations in a row with equal values, only the first is one (the order is that
-- of the view market.article_versions).
WITH batch AS (
    SELECT DISTINCT ON (article_id, fetched_at, version) *
      FROM observed
     ORDER BY article_id, fetched_at, version, range_number
), known AS (
    SELECT article_id, fetched_at, version
      FROM ops.article_observations
     WHERE article_id IN (SELECT article_id FROM batch)
), added AS (
    INSERT INTO ops.article_observations
           (article_id, fetched_at, version, source, url, publisher, headline, headline_key, summary, published_at,
            tickers, sentiment, vader)
    SELECT article_id, fetched_at, version, source, url, publisher, headline, headline_key, summary, published_at,
           known_tickers::jsonb, trim_scale(sentiment::numeric), vader
      FROM batch
        ON CONFLICT DO NOTHING
    RETURNING article_id, fetched_at, version
), ordered AS (
    SELECT range_number,
           lag(version) OVER (PARTITION BY article_id ORDER BY fetched_at, version) IS DISTINCT FROM version AS is_version
      FROM (SELECT *, NULL AS range_number FROM known
            UNION ALL
            SELECT article_id, fetched_at, version, b.range_number
              FROM added JOIN batch b USING (article_id, fetched_at, version)) observations
)
SELECT range_number, count(*) FILTER (WHERE is_version) AS applied
  FROM ordered
 WHERE range_number IS NOT NULL
 GROUP BY range_number
