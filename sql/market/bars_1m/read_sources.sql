-- The sources that have bars of a symbol, by one look into the index for each.
WITH RECURSIVE known (source) AS (
    (SELECT source FROM market.bars_1m WHERE symbol = $1 ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT b.source FROM market.bars_1m b WHERE b.symbol = $1 AND b.source > k.source ORDER BY b.source LIMIT 1)
      FROM known k
     WHERE k.source IS NOT NULL
)
SELECT source FROM known WHERE source IS NOT NULL
