-- Merges observations (temporary table contested) of bars that are already known or occur more than
-- once in the batch. The history of a bar is its distinct observations in the order of fetched_at, then
-- of their values; the first of each run of equal values is a version, the others confirm it. The last
-- version is current, the others are revisions. This depends on the set of observations alone, not on
-- the order in which they came. Returns, by range, how many messages became versions.
WITH batch AS (
    SELECT symbol, source, ts, open, high, low, close, volume, fetched_at, min(range_number) AS range_number
      FROM contested
     GROUP BY symbol, source, ts, open, high, low, close, volume, fetched_at
), keys AS (
    SELECT DISTINCT symbol, source, ts FROM contested
), known AS (
    SELECT t.symbol, t.source, t.ts, t.open, t.high, t.low, t.close, t.volume, t.fetched_at, 'current' AS place
      FROM market.bars_1m t JOIN keys USING (symbol, source, ts)
    UNION ALL
    SELECT t.symbol, t.source, t.ts, t.open, t.high, t.low, t.close, t.volume, t.fetched_at, 'revision'
      FROM market.bar_revisions t JOIN keys USING (symbol, source, ts)
    UNION ALL
    SELECT t.symbol, t.source, t.ts, t.open, t.high, t.low, t.close, t.volume, t.fetched_at, 'confirmation'
      FROM ops.bar_confirmations t JOIN keys USING (symbol, source, ts)
), observed AS (
    SELECT symbol, source, ts, open, high, low, close, volume, fetched_at, k.place,
           CASE WHEN k.place IS NULL THEN b.range_number END AS range_number
      FROM batch b
      FULL JOIN known k USING (symbol, source, ts, open, high, low, close, volume, fetched_at)
), ordered AS (
    SELECT *,
           lag((open, high, low, close, volume)) OVER history IS DISTINCT FROM (open, high, low, close, volume)
               AS is_version
      FROM observed
    WINDOW history AS (PARTITION BY symbol, source, ts ORDER BY fetched_at, open, high, low, close, volume)
), placed AS (
    SELECT *,
           CASE WHEN NOT is_version THEN 'confirmation'
                WHEN count(*) FILTER (WHERE is_version) OVER later = 0 THEN 'current'
                ELSE 'revision' END AS new_place
      FROM ordered
    WINDOW later AS (PARTITION BY symbol, source, ts ORDER BY fetched_at, open, high, low, close, volume
                     ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
), current_version AS (
    INSERT INTO market.bars_1m AS t (symbol, source, ts, open, high, low, close, volume, fetched_at)
    SELECT symbol, source, ts, open, high, low, close, volume, fetched_at
      FROM placed WHERE new_place = 'current' AND place IS DISTINCT FROM 'current'
        ON CONFLICT (symbol, source, ts) DO UPDATE
       SET open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
           volume = excluded.volume, fetched_at = excluded.fetched_at
), new_revisions AS (
    INSERT INTO market.bar_revisions (symbol, source, ts, open, high, low, close, volume, fetched_at)
    SELECT symbol, source, ts, open, high, low, close, volume, fetched_at
      FROM placed WHERE new_place = 'revision' AND place IS DISTINCT FROM 'revision'
), old_revisions AS (
    DELETE FROM market.bar_revisions t USING placed p
     WHERE p.place = 'revision' AND p.new_place <> 'revision'
       AND (t.symbol, t.source, t.ts, t.fetched_at, t.open, t.high, t.low, t.close, t.volume)
         = (p.symbol, p.source, p.ts, p.fetched_at, p.open, p.high, p.low, p.close, p.volume)
), new_confirmations AS (
    INSERT INTO ops.bar_confirmations (symbol, source, ts, open, high, low, close, volume, fetched_at)
    SELECT symbol, source, ts, open, high, low, close, volume, fetched_at
      FROM placed WHERE new_place = 'confirmation' AND place IS DISTINCT FROM 'confirmation'
), old_confirmations AS (
    DELETE FROM ops.bar_confirmations t USING placed p
     WHERE p.place = 'confirmation' AND p.new_place <> 'confirmation'
       AND (t.symbol, t.source, t.ts, t.fetched_at, t.open, t.high, t.low, t.close, t.volume)
         = (p.symbol, p.source, p.ts, p.fetched_at, p.open, p.high, p.low, p.close, p.volume)
)
SELECT range_number, count(*) FILTER (WHERE new_place <> 'confirmation') AS applied
  FROM placed
 WHERE range_number IS NOT NULL
 GROUP BY range_number
