-- Keeps what the batch (temporary table observed) says of actions and nobody has said before. Returns, by range, how
-- many messages became versions: of observations in a row with equal values, only the first is one (the order is that
-- of the view market.corporate_action_versions).
WITH batch AS (
    SELECT symbol, source, kind, ex_date, effective_at, value, currency, fetched_at, min(range_number) AS range_number
      FROM observed
     GROUP BY symbol, source, kind, ex_date, effective_at, value, currency, fetched_at
), known AS (
    SELECT * FROM ops.action_observations WHERE (symbol, kind, ex_date) IN (SELECT symbol, kind, ex_date FROM batch)
), new AS (
    SELECT b.*
      FROM batch b
      LEFT JOIN known k USING (symbol, source, kind, ex_date, effective_at, value, currency, fetched_at)
     WHERE k.symbol IS NULL
), added AS (
    INSERT INTO ops.action_observations (symbol, source, kind, ex_date, effective_at, value, currency, fetched_at)
    SELECT symbol, source, kind, ex_date, effective_at, value, currency, fetched_at FROM new
), ordered AS (
    SELECT range_number,
           lag((effective_at, value, currency)) OVER (PARTITION BY symbol, kind, ex_date, source
                                                      ORDER BY fetched_at, effective_at, value, currency COLLATE "C")
               IS DISTINCT FROM (effective_at, value, currency) AS is_version
      FROM (SELECT *, NULL AS range_number FROM known UNION ALL SELECT * FROM new) observations
)
SELECT range_number, count(*) FILTER (WHERE is_version) AS applied
  FROM ordered
 WHERE range_number IS NOT NULL
 GROUP BY range_number
