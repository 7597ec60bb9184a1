-- Two vendors of one instrument: where they disagree, and which price to believe.
-- depends: 0012_corporate_actions

-- Until the next start of the stack says better.
ALTER TABLE market.instruments ADD COLUMN tick numeric(20, 8) NOT NULL DEFAULT 0.01 CHECK (tick > 0);
COMMENT ON COLUMN market.instruments.tick IS 'The price step in which the bars of different vendors are compared.';

-- Mirrors the order of config/sources.yml; a source that is not listed there ranks last.
CREATE TABLE market.source_ranks (
    source text    PRIMARY KEY,
    rank   integer NOT NULL
);
COMMENT ON COLUMN market.source_ranks.rank IS '1 is believed first.';

-- One row: what the comparison was made with, from config/sources.yml.
CREATE TABLE market.reconciliation (
    only_row        boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    tolerance_ticks numeric NOT NULL CHECK (tolerance_ticks >= 0)
);

-- Every pair of bars of one minute that was found to disagree. Once it agrees, it keeps the values that did not.
CREATE TABLE market.bar_disagreements (
    symbol       text           NOT NULL,
    ts           timestamptz    NOT NULL,
    source       text           NOT NULL,
    other_source text           NOT NULL CHECK (source < other_source),
    open         numeric(20, 8) NOT NULL,
    high         numeric(20, 8) NOT NULL,
    low          numeric(20, 8) NOT NULL,
    close        numeric(20, 8) NOT NULL,
    other_open   numeric(20, 8) NOT NULL,
    other_high   numeric(20, 8) NOT NULL,
    other_low    numeric(20, 8) NOT NULL,
    other_close  numeric(20, 8) NOT NULL,
    ticks_apart  numeric        NOT NULL,
    found_at     timestamptz    NOT NULL DEFAULT clock_timestamp(),
    resolved_at  timestamptz,
    PRIMARY KEY (symbol, ts, source, other_source)
);
COMMENT ON COLUMN market.bar_disagreements.ticks_apart IS 'Of open, high, low and close the pair that lies furthest apart.';
COMMENT ON COLUMN market.bar_disagreements.found_at IS 'When it was first seen.';
COMMENT ON COLUMN market.bar_disagreements.resolved_at IS 'When a revision was seen to make the two agree; null while they disagree.';
CREATE INDEX ON market.bar_disagreements (ts) WHERE resolved_at IS NULL;

-- Up to where the messages of each partition have been compared, and with which tolerance and ticks.
CREATE TABLE ops.reconciled_offsets (
    topic         text    NOT NULL,
    partition     integer NOT NULL,
    topic_id      text    NOT NULL,
    next_offset   bigint  NOT NULL,
    compared_with text    NOT NULL,
    PRIMARY KEY (topic, partition)
);

CREATE FUNCTION market.ticks_apart(one market.bars_1m, other market.bars_1m, tick numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE
RETURN greatest(abs(one.open - other.open), abs(one.high - other.high), abs(one.low - other.low),
                abs(one.close - other.close)) / tick;

-- One bar for each minute of each instrument, from all sources; docs/adr/0006 has the rule. Name symbol and a range of
-- ts: they reach the indexes.
CREATE VIEW market.consensus_bars_1m AS
SELECT m.symbol, m.ts,
       CASE WHEN m.sources > 2 THEN NULL ELSE (m.bars[m.chosen]).source END AS source,
       m.sources, m.contested,
       CASE WHEN m.sources > 2 THEN m.open ELSE (m.bars[m.chosen]).open END AS open,
       CASE WHEN m.sources > 2 THEN m.high ELSE (m.bars[m.chosen]).high END AS high,
       CASE WHEN m.sources > 2 THEN m.low ELSE (m.bars[m.chosen]).low END AS low,
       CASE WHEN m.sources > 2 THEN m.close ELSE (m.bars[m.chosen]).close END AS close,
       (m.bars[m.chosen]).volume AS volume
  FROM (SELECT g.*, x.contested,
               CASE WHEN abs((g.bars[2]).close - agreed.close) < abs((g.bars[1]).close - agreed.close) THEN 2 ELSE 1 END
               AS chosen
          FROM (SELECT b.symbol, b.ts, count(*) AS sources,
                       array_agg(b ORDER BY r.rank NULLS LAST, b.source) AS bars,
                       percentile_disc(0.5) WITHIN GROUP (ORDER BY b.open) AS open,
                       percentile_disc(0.5) WITHIN GROUP (ORDER BY b.high) AS high,
                       percentile_disc(0.5) WITHIN GROUP (ORDER BY b.low) AS low,
                       percentile_disc(0.5) WITHIN GROUP (ORDER BY b.close) AS close,
                       greatest(max(b.open) - min(b.open), max(b.high) - min(b.high),
                                max(b.low) - min(b.low), max(b.close) - min(b.close)) AS apart
                  FROM market.bars_1m b
                  LEFT JOIN market.source_ranks r USING (source)
                 GROUP BY b.symbol, b.ts) g
          JOIN market.instruments i USING (symbol)
          LEFT JOIN market.reconciliation c ON true
         CROSS JOIN LATERAL (SELECT g.apart > coalesce(c.tolerance_ticks, 0) * i.tick AS contested) x
          LEFT JOIN LATERAL (
                -- The last price on which these two agreed.
                SELECT one.close
                  FROM market.bars_1m one
                  JOIN market.bars_1m other ON other.symbol = one.symbol AND other.ts = one.ts
                                           AND other.source = (g.bars[2]).source
                 WHERE x.contested AND g.sources = 2
                   AND one.symbol = g.symbol AND one.source = (g.bars[1]).source
                   AND one.ts >= g.ts - interval '5 minutes' AND one.ts < g.ts
                   AND market.ticks_apart(one, other, i.tick) <= coalesce(c.tolerance_ticks, 0)
                 ORDER BY one.ts DESC
                 LIMIT 1) agreed ON true) m;
COMMENT ON COLUMN market.consensus_bars_1m.source IS 'Whose bar it is; null for a median of three or more.';
COMMENT ON COLUMN market.consensus_bars_1m.contested IS 'Whether two of the sources lie further apart than the tolerance.';

CREATE VIEW reports.vendor_disagreements AS
SELECT d.symbol, i.name, d.ts, d.source, d.other_source, d.ticks_apart, d.open, d.other_open, d.high, d.other_high,
       d.low, d.other_low, d.close, d.other_close, d.found_at, d.resolved_at
  FROM market.bar_disagreements d
  JOIN market.instruments i USING (symbol);

REVOKE ALL ON FUNCTION market.ticks_apart FROM PUBLIC;
GRANT EXECUTE ON FUNCTION market.ticks_apart TO marketpulse_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON market.source_ranks, market.reconciliation, ops.reconciled_offsets TO marketpulse_loader;
GRANT SELECT, INSERT, UPDATE ON market.bar_disagreements TO marketpulse_loader;
GRANT SELECT ON market.consensus_bars_1m TO marketpulse_loader;
GRANT SELECT ON reports.vendor_disagreements TO marketpulse_reader, marketpulse_loader;
