-- What was known when. A version is known from the moment at which the vendor's answer that first held it had
-- arrived (fetched_at) until the next version is; how late it was loaded does not count.
-- depends: 0007_retire_topic

CREATE VIEW market.bar_versions AS
SELECT symbol, source, ts, open, high, low, close, volume, fetched_at AS known_from,
       lead(fetched_at) OVER (PARTITION BY symbol, source, ts
                              ORDER BY fetched_at, open, high, low, close, volume) AS known_until
  FROM (SELECT symbol, source, ts, open, high, low, close, volume, fetched_at FROM market.bars_1m
        UNION ALL
        SELECT symbol, source, ts, open, high, low, close, volume, fetched_at FROM market.bar_revisions) versions;
COMMENT ON COLUMN market.bar_versions.known_until IS 'When the next version was known; null for the current one.';

-- market.bars_1m as it was at a moment. Name symbol, source and a range of ts: they reach the indexes.
CREATE FUNCTION market.bars_as_of(moment timestamptz) RETURNS SETOF market.bars_1m
LANGUAGE sql STABLE
BEGIN ATOMIC
    SELECT symbol, source, ts, open, high, low, close, volume, known_from
      FROM market.bar_versions
     WHERE known_from <= moment AND (known_until IS NULL OR known_until > moment);
END;
REVOKE ALL ON FUNCTION market.bars_as_of(timestamptz) FROM PUBLIC;

-- Each change of a bar: what was believed before, what from changed_at on.
CREATE VIEW reports.revised_bars AS
SELECT r.symbol, r.source, r.ts, n.fetched_at AS changed_at,
       r.open AS open_before, r.high AS high_before, r.low AS low_before, r.close AS close_before,
       r.volume AS volume_before, n.open, n.high, n.low, n.close, n.volume
  FROM market.bar_revisions r
 CROSS JOIN LATERAL (
        SELECT *
          FROM (SELECT * FROM market.bars_1m b
                 WHERE (b.symbol, b.source, b.ts) = (r.symbol, r.source, r.ts)
                UNION ALL
                SELECT * FROM market.bar_revisions b
                 WHERE (b.symbol, b.source, b.ts) = (r.symbol, r.source, r.ts)) v
         WHERE (v.fetched_at, v.open, v.high, v.low, v.close, v.volume)
             > (r.fetched_at, r.open, r.high, r.low, r.close, r.volume)
         ORDER BY v.fetched_at, v.open, v.high, v.low, v.close, v.volume
         LIMIT 1) n;

GRANT SELECT ON market.bar_versions TO marketpulse_loader;
GRANT EXECUTE ON FUNCTION market.bars_as_of(timestamptz) TO marketpulse_loader;
GRANT SELECT ON reports.revised_bars TO marketpulse_reader, marketpulse_loader;
