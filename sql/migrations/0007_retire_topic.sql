-- How a person lets the loader start over with a topic that was deleted, recreated or cut off
-- (docs/runbooks/load-refused.md).
-- depends: 0006_reports

-- Offsets start again at 0, so what was loaded from the old topic is kept under a name of its own:
-- the topic's, with its id and the time of the retirement. Returns that name.
CREATE FUNCTION ops.retire_topic(retired text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_as text;
BEGIN
    -- The loader's own lock: a load that is at work would go on counting.
    IF NOT pg_try_advisory_xact_lock(hashtext('load:bars')) THEN
        RAISE EXCEPTION 'A load is at work: pause load_bars, wait until it has ended, and try again';
    END IF;
    SELECT retired || '@' || min(topic_id) || '@' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS')
      INTO kept_as FROM ops.kafka_offsets WHERE topic = retired;
    IF kept_as IS NULL THEN
        RAISE EXCEPTION 'The ledger has no topic %', retired;
    END IF;
    UPDATE raw.bars SET topic = kept_as WHERE topic = retired;
    UPDATE ops.dead_letters SET topic = kept_as WHERE topic = retired;
    UPDATE ops.batch_ranges SET topic = kept_as WHERE topic = retired;
    DELETE FROM ops.kafka_offsets WHERE topic = retired;
    RETURN kept_as;
END
$$;
REVOKE ALL ON FUNCTION ops.retire_topic(text) FROM PUBLIC;
