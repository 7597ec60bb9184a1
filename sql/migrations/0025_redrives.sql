-- What people decided about dead letters, and what came of it (sql/ops/redrives/README.md).
-- depends: 0023_forecasts

CREATE TABLE ops.redrives (
    redrive_id   bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    kafka_offset bigint      NOT NULL,
    state        text        NOT NULL CHECK (state IN ('requested', 'published', 'refused', 'discarded')),
    payload      bytea,
    reason       text        NOT NULL DEFAULT '',
    requested_by text        NOT NULL,
    requested_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    run_id       text,
    done_at      timestamptz,
    to_topic     text,
    to_partition integer,
    to_offset    bigint,
    FOREIGN KEY (topic, partition, kafka_offset) REFERENCES ops.dead_letters ON UPDATE CASCADE ON DELETE CASCADE,
    CHECK ((state = 'published') = (to_offset IS NOT NULL)),
    CHECK (num_nonnulls(to_topic, to_partition, to_offset) IN (0, 3)),
    CHECK (state NOT IN ('refused', 'discarded') OR reason <> '')
);
COMMENT ON COLUMN ops.redrives.state IS 'requested: waits for redrive_dead_letters; published: Kafka has it; refused: it could not be published, the letter is open again; discarded.';
COMMENT ON COLUMN ops.redrives.payload IS 'What is published; null for a letter that is discarded.';
COMMENT ON COLUMN ops.redrives.reason IS 'Why it was discarded or refused.';
COMMENT ON COLUMN ops.redrives.run_id IS 'The run of redrive_dead_letters that published or refused it.';
COMMENT ON COLUMN ops.redrives.to_offset IS 'Where Kafka put it, in to_topic and to_partition.';

-- A letter is dealt with once, however many people ask at once.
CREATE UNIQUE INDEX redrives_one_answer ON ops.redrives (topic, partition, kafka_offset) WHERE state <> 'refused';
CREATE INDEX ON ops.redrives (redrive_id) WHERE state = 'requested';
CREATE INDEX ON ops.redrives (to_topic, to_partition, to_offset) WHERE to_offset IS NOT NULL;

-- Each letter and how far it is. loaded: a committed range holds what was published in its place, and it was no dead
-- letter again; bad_again: it was, and that letter, whose origin this one is, stands for both.
CREATE VIEW ops.dead_letter_states AS
SELECT d.topic, d.partition, d.kafka_offset, d.kafka_ts, b.dataset, d.batch_id, d.reason, d.detail, d.payload,
       CASE WHEN r.state IS NULL THEN 'open'
            WHEN r.state <> 'published' THEN r.state
            WHEN EXISTS (SELECT FROM ops.dead_letters again
                          WHERE (again.topic, again.partition, again.kafka_offset) = (r.to_topic, r.to_partition, r.to_offset))
            THEN 'bad_again'
            WHEN r.to_offset < (SELECT l.end_offset FROM ops.batch_ranges l
                                 WHERE l.topic = r.to_topic AND l.partition = r.to_partition AND l.start_offset <= r.to_offset
                                 ORDER BY l.start_offset DESC LIMIT 1)
            THEN 'loaded'
            ELSE 'published' END AS state,
       r.requested_by, r.requested_at, r.to_topic, r.to_partition, r.to_offset,
       o.topic AS origin_topic, o.partition AS origin_partition, o.kafka_offset AS origin_offset
  FROM ops.dead_letters d
  JOIN ops.batches b USING (batch_id)
  LEFT JOIN ops.redrives r ON (r.topic, r.partition, r.kafka_offset) = (d.topic, d.partition, d.kafka_offset)
                          AND r.state <> 'refused'
  LEFT JOIN ops.redrives o ON (o.to_topic, o.to_partition, o.to_offset) = (d.topic, d.partition, d.kafka_offset);
COMMENT ON COLUMN ops.dead_letter_states.origin_offset IS 'Of the letter in whose place this message was published; null for a message of a vendor.';

-- As in 0021_news, with ops.redrives. What was published to the topic and not loaded is gone with it: its letter is open
-- again. ops.dead_letters takes its redrives along.
CREATE OR REPLACE FUNCTION ops.retire_topic(retired text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_as text;
BEGIN
    IF NOT (pg_try_advisory_xact_lock(hashtext('load:bars')) AND pg_try_advisory_xact_lock(hashtext('load:news'))) THEN
        RAISE EXCEPTION 'A load is at work: pause load_bars and load_news, wait until both have ended, and try again';
    END IF;
    SELECT retired || '@' || min(topic_id) || '@' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS')
      INTO kept_as FROM ops.kafka_offsets WHERE topic = retired;
    IF kept_as IS NULL THEN
        RAISE EXCEPTION 'The ledger has no topic %', retired;
    END IF;
    UPDATE ops.redrives r
       SET state = 'refused', reason = 'its topic was retired before it was loaded',
           to_topic = NULL, to_partition = NULL, to_offset = NULL
      FROM ops.kafka_offsets l
     WHERE r.state = 'published' AND r.to_topic = retired
       AND l.topic = retired AND l.partition = r.to_partition AND l.next_offset <= r.to_offset;
    UPDATE ops.redrives SET to_topic = kept_as WHERE to_topic = retired;
    UPDATE raw.bars SET topic = kept_as WHERE topic = retired;
    UPDATE raw.actions SET topic = kept_as WHERE topic = retired;
    UPDATE raw.news SET topic = kept_as WHERE topic = retired;
    UPDATE ops.dead_letters SET topic = kept_as WHERE topic = retired;
    UPDATE ops.batch_ranges SET topic = kept_as WHERE topic = retired;
    DELETE FROM ops.kafka_offsets WHERE topic = retired;
    RETURN kept_as;
END
$$;

-- History is added to and never rewritten: who asked for what stays as it was.
GRANT SELECT, INSERT ON ops.redrives TO marketpulse_loader;
GRANT UPDATE (state, reason, run_id, done_at, to_topic, to_partition, to_offset) ON ops.redrives TO marketpulse_loader;
GRANT SELECT ON ops.dead_letter_states TO marketpulse_loader;
