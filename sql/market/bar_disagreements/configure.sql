-- What config/sources.yml says, for the comparison and for market.consensus_bars_1m.
WITH rule AS (
    INSERT INTO market.reconciliation AS known (tolerance_ticks) VALUES (%(tolerance_ticks)s)
        ON CONFLICT (only_row) DO UPDATE SET tolerance_ticks = excluded.tolerance_ticks
     WHERE known.tolerance_ticks <> excluded.tolerance_ticks
), gone AS (
    DELETE FROM market.source_ranks WHERE source <> ALL (%(sources)s)
)
INSERT INTO market.source_ranks AS known (source, rank)
SELECT source, rank FROM unnest(%(sources)s::text[]) WITH ORDINALITY AS configured (source, rank)
    ON CONFLICT (source) DO UPDATE SET rank = excluded.rank WHERE known.rank <> excluded.rank
