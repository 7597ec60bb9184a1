-- Anomalies: what is unusual about bars, and until when (docs/adr/0013).
-- depends: 0021_news

-- Every detection that found changed bars to look at: by which code, of how many sessions of a series.
CREATE TABLE ops.detections (
    detection_id bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run_id       text        NOT NULL,
    code_version text        NOT NULL,
    sessions     integer     NOT NULL,
    started_at   timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Up to where the loaded messages of each partition have been looked at.
CREATE TABLE ops.detected_offsets (
    topic       text    NOT NULL,
    partition   integer NOT NULL,
    topic_id    text    NOT NULL,
    next_offset bigint  NOT NULL,
    PRIMARY KEY (topic, partition)
);

-- What the loaders have committed and nobody has looked at. A topic that was made anew counts from its start.
CREATE VIEW ops.undetected AS
SELECT l.topic, l.partition, coalesce(d.next_offset, 0) AS start_offset, l.next_offset AS end_offset
  FROM ops.kafka_offsets l
  LEFT JOIN ops.detected_offsets d USING (topic, partition, topic_id)
 WHERE l.next_offset > coalesce(d.next_offset, 0);

-- Formulas and sources in spark_jobs/marketpulse_spark/anomalies and sql/analytics/anomalies/merge_reported.sql.
CREATE TABLE analytics.anomalies (
    symbol          text             NOT NULL,
    source          text             NOT NULL,
    other_source    text             NOT NULL DEFAULT '',
    kind            text             NOT NULL
                    CHECK (kind IN ('bad_tick', 'gap', 'stale_price', 'volume_burst', 'halt', 'missing_data',
                                    'vendor_disagreement')),
    ts              timestamptz      NOT NULL,
    session         date,
    detected_ts     timestamptz      NOT NULL CHECK (detected_ts > ts),
    ended_ts        timestamptz,
    score           double precision NOT NULL,
    evidence        jsonb            NOT NULL,
    found_at        timestamptz      NOT NULL DEFAULT clock_timestamp(),
    withdrawn_at    timestamptz,
    state           text             GENERATED ALWAYS AS (CASE WHEN withdrawn_at IS NOT NULL THEN 'withdrawn'
                                                               WHEN ended_ts IS NULL THEN 'open'
                                                               ELSE 'ended' END) STORED,
    detection_id    bigint           REFERENCES ops.detections,
    acknowledged_at timestamptz,
    acknowledged_by text,
    PRIMARY KEY (symbol, source, other_source, kind, ts),
    CHECK ((acknowledged_at IS NULL) = (acknowledged_by IS NULL))
);
CREATE INDEX ON analytics.anomalies (detected_ts);
COMMENT ON COLUMN analytics.anomalies.other_source IS 'Of a vendor_disagreement: whose bars differ; empty for all others.';
COMMENT ON COLUMN analytics.anomalies.ts IS 'Start of the bar that it is about, or of the first of them.';
COMMENT ON COLUMN analytics.anomalies.session IS 'The session in which it was decided; null for a disagreement outside of regular hours.';
COMMENT ON COLUMN analytics.anomalies.detected_ts IS 'From when on it could be known: the end of the last bar that the decision used.';
COMMENT ON COLUMN analytics.anomalies.ended_ts IS 'End of the bar that showed that it is over; null while it is not.';
COMMENT ON COLUMN analytics.anomalies.score IS 'How unusual it is; sql/analytics/anomalies/README.md says what each kind counts.';
COMMENT ON COLUMN analytics.anomalies.evidence IS 'The figures that it was decided on.';
COMMENT ON COLUMN analytics.anomalies.found_at IS 'When the row was written first, by the clock.';
COMMENT ON COLUMN analytics.anomalies.withdrawn_at IS 'When revised bars, or what else it was decided on, were seen to show it no more.';
COMMENT ON COLUMN analytics.anomalies.detection_id IS 'Which detection last changed the row; null for what other parts report.';

CREATE VIEW reports.anomalies AS
SELECT a.symbol, i.name, a.source, nullif(a.other_source, '') AS other_source, a.kind, a.session, a.ts, a.detected_ts,
       a.ended_ts, a.state, a.score, a.evidence, a.found_at, a.withdrawn_at, a.acknowledged_at, a.acknowledged_by
  FROM analytics.anomalies a
  JOIN market.instruments i USING (symbol);

GRANT SELECT ON ops.undetected TO marketpulse_loader;
GRANT SELECT, INSERT ON ops.detections TO marketpulse_loader;
GRANT SELECT, INSERT, UPDATE ON ops.detected_offsets, analytics.anomalies TO marketpulse_loader;
GRANT SELECT ON reports.anomalies TO marketpulse_reader, marketpulse_loader;
