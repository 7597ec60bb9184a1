-- How far the news of each source have been published.
-- depends: 0013_reconciliation

CREATE TABLE ops.news_watermarks (
    source          text        PRIMARY KEY,
    watermark       timestamptz NOT NULL,
    recent_articles jsonb       NOT NULL,
    updated_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN ops.news_watermarks.watermark IS 'Kafka has acknowledged all that the source had published before.';
COMMENT ON COLUMN ops.news_watermarks.recent_articles IS 'Article id to when it was published and a digest of its values: what need not be published again.';

GRANT SELECT, INSERT, UPDATE ON ops.news_watermarks TO marketpulse_loader;
