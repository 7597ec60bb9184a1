-- Every message of the bar topics that keeps the contract, as received.
-- depends: 0002_ops

-- kafka_ts is the broker's clock (LogAppendTime): the same record always has the same, so the key
-- below is unique over (topic, partition, kafka_offset) too.
CREATE TABLE raw.bars (
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    kafka_offset bigint      NOT NULL,
    kafka_ts     timestamptz NOT NULL,
    batch_id     bigint      NOT NULL,
    source       text        NOT NULL,
    symbol       text        NOT NULL,
    interval     text        NOT NULL,
    ts           timestamptz NOT NULL,
    open         text        NOT NULL,
    high         text        NOT NULL,
    low          text        NOT NULL,
    close        text        NOT NULL,
    volume       text        NOT NULL,
    fetched_at   timestamptz NOT NULL,
    run_id       text        NOT NULL,
    UNIQUE (topic, partition, kafka_offset, kafka_ts)
) PARTITION BY RANGE (kafka_ts);

-- Creates the partition of one UTC day unless it is there. Attaching takes a lock that writers of
-- other days do not meet; CREATE TABLE ... PARTITION OF would wait for all of them. The same lock,
-- taken first, lets one of several make the day, and makes the others see that it is there: after an
-- advisory lock they would look in their cache, which still says that it is not.
CREATE FUNCTION raw.ensure_bars_day(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    partition_name text := 'bars_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass('raw.' || partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    LOCK TABLE raw.bars IN SHARE UPDATE EXCLUSIVE MODE;
    IF to_regclass('raw.' || partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE raw.%I (LIKE raw.bars INCLUDING ALL)', partition_name);
    EXECUTE format('ALTER TABLE raw.bars ATTACH PARTITION raw.%I FOR VALUES FROM (%L) TO (%L)',
                   partition_name, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION raw.ensure_bars_day(date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raw.ensure_bars_day(date) TO marketpulse_loader;
GRANT SELECT, INSERT ON raw.bars TO marketpulse_loader;
