-- The offset ledger and the record of every batch.
-- depends: 0001_schemas

-- The ledger: where the next batch starts. A row changes only in the transaction that also writes
-- the range's data, so ledger and data can never disagree.
CREATE TABLE ops.kafka_offsets (
    topic       text        NOT NULL,
    partition   integer     NOT NULL,
    cluster_id  text        NOT NULL,
    topic_id    text        NOT NULL,
    next_offset bigint      NOT NULL CHECK (next_offset >= 0),
    updated_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition)
);

CREATE TABLE ops.batches (
    batch_id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    dataset          text        NOT NULL,
    run_id           text        NOT NULL,
    state            text        NOT NULL DEFAULT 'running'
                     CHECK (state IN ('running', 'succeeded', 'failed', 'abandoned')),
    writer           text        NOT NULL CHECK (writer IN ('driver', 'executors')),
    submitted_at     timestamptz NOT NULL,
    started_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
    committed_at     timestamptz,
    newest_bar       timestamptz,
    error            text
);
COMMENT ON COLUMN ops.batches.submitted_at IS 'When the process of the job started (JVM or shell), before Spark was up.';
COMMENT ON COLUMN ops.batches.committed_at IS 'When the last range of the batch was visible to readers.';
COMMENT ON COLUMN ops.batches.newest_bar IS 'Start of the newest bar that the batch brought; its minute ends 60 s later.';

-- One row for each committed range of offsets. messages = dead_letters + duplicates + applied.
CREATE TABLE ops.batch_ranges (
    batch_id     bigint      NOT NULL REFERENCES ops.batches,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    start_offset bigint      NOT NULL,
    end_offset   bigint      NOT NULL,
    messages     bigint      NOT NULL,
    dead_letters bigint      NOT NULL,
    duplicates   bigint      NOT NULL,
    applied      bigint      NOT NULL,
    newest_bar   timestamptz,
    committed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (topic, partition, start_offset),
    CHECK (end_offset > start_offset),
    CHECK (dead_letters >= 0 AND duplicates >= 0 AND applied >= 0),
    CHECK (messages = dead_letters + duplicates + applied)
);
CREATE INDEX ON ops.batch_ranges (batch_id);

-- Messages that break the contract, as received.
CREATE TABLE ops.dead_letters (
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    kafka_offset bigint      NOT NULL,
    kafka_ts     timestamptz NOT NULL,
    batch_id     bigint      NOT NULL REFERENCES ops.batches,
    reason       text        NOT NULL,
    detail       text        NOT NULL,
    payload      bytea,
    PRIMARY KEY (topic, partition, kafka_offset)
);
CREATE INDEX ON ops.dead_letters (reason, kafka_ts);

-- How far each source has been published to Kafka, and what was published within the overlap.
CREATE TABLE ops.source_watermarks (
    source       text        NOT NULL,
    symbol       text        NOT NULL,
    interval     text        NOT NULL,
    watermark    timestamptz NOT NULL,
    recent_bars  jsonb       NOT NULL,
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (source, symbol, interval)
);
COMMENT ON COLUMN ops.source_watermarks.watermark IS 'Start of the newest bar that Kafka has acknowledged.';
COMMENT ON COLUMN ops.source_watermarks.recent_bars IS 'Bar start to its published values, for the overlap: what need not be published again.';

-- Observations that confirm the version before them: same bar, same values, fetched later. Kept so
-- that the newest version of a bar does not depend on the order in which messages arrive.
CREATE TABLE ops.bar_confirmations (
    symbol     text           NOT NULL,
    source     text           NOT NULL,
    ts         timestamptz    NOT NULL,
    open       numeric(20, 8) NOT NULL,
    high       numeric(20, 8) NOT NULL,
    low        numeric(20, 8) NOT NULL,
    close      numeric(20, 8) NOT NULL,
    volume     numeric(28, 8) NOT NULL,
    fetched_at timestamptz    NOT NULL,
    PRIMARY KEY (symbol, source, ts, fetched_at, open, high, low, close, volume)
);

GRANT SELECT, INSERT, UPDATE ON ops.kafka_offsets, ops.batches TO marketpulse_loader;
GRANT SELECT, INSERT ON ops.batch_ranges, ops.dead_letters TO marketpulse_loader;
GRANT SELECT, INSERT, UPDATE ON ops.source_watermarks TO marketpulse_loader;
GRANT SELECT, INSERT, DELETE ON ops.bar_confirmations TO marketpulse_loader;
