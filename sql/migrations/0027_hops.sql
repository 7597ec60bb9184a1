-- How long live data was under way, hop by hop (sql/ops/batches/README.md).
-- depends: 0026_lineage

ALTER TABLE ops.batch_ranges
    ADD COLUMN slowest_at         timestamptz,
    ADD COLUMN slowest_fetched_at timestamptz,
    ADD COLUMN slowest_kafka_ts   timestamptz,
    ADD CHECK (num_nulls(slowest_at, slowest_fetched_at, slowest_kafka_ts) IN (0, 3));
COMMENT ON COLUMN ops.batch_ranges.slowest_at IS 'When what the slowest live message tells of had happened: a bar''s minute had ended, an article was published. Null where no message is live.';
COMMENT ON COLUMN ops.batch_ranges.slowest_fetched_at IS 'When the vendor''s answer with it arrived.';
COMMENT ON COLUMN ops.batch_ranges.slowest_kafka_ts IS 'When Kafka had it, by the broker''s clock.';

ALTER TABLE ops.batches ADD COLUMN visible_at timestamptz;
COMMENT ON COLUMN ops.batches.visible_at IS 'When another connection than the writer''s saw all of it. Null where it failed or the loader died.';

-- Each hop begins where the one before it ends, so that they add up to the total. Spark may have been at work before a
-- message came; the message has not waited for it then. Name batch_id or dataset and a few of the newest.
CREATE VIEW ops.batch_hops AS
SELECT b.batch_id, b.dataset, b.run_id, s.slowest_at AS happened_at,
       extract(epoch FROM s.slowest_fetched_at - s.slowest_at)::float8 AS fetched_seconds,
       extract(epoch FROM s.slowest_kafka_ts - s.slowest_fetched_at)::float8 AS kafka_seconds,
       extract(epoch FROM s.began_at - s.slowest_kafka_ts)::float8 AS spark_seconds,
       extract(epoch FROM b.committed_at - s.began_at)::float8 AS commit_seconds,
       extract(epoch FROM b.visible_at - b.committed_at)::float8 AS visible_seconds,
       extract(epoch FROM b.visible_at - s.slowest_at)::float8 AS total_seconds
  FROM ops.batches b
 CROSS JOIN LATERAL (
        SELECT r.*, greatest(b.submitted_at, r.slowest_kafka_ts) AS began_at
          FROM ops.batch_ranges r
         WHERE r.batch_id = b.batch_id AND r.slowest_at IS NOT NULL
         ORDER BY r.slowest_at, r.slowest_kafka_ts DESC
         LIMIT 1) s;

GRANT SELECT ON ops.batch_hops TO marketpulse_loader;
