-- Splits and dividends: what was said of them, what is true of them, and the factors that follow (docs/adr/0007).
-- depends: 0009_completeness

-- Every message of the topic that keeps the contract, as received.
CREATE TABLE raw.actions (
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    kafka_offset bigint      NOT NULL,
    kafka_ts     timestamptz NOT NULL,
    batch_id     bigint      NOT NULL,
    source       text        NOT NULL,
    symbol       text        NOT NULL,
    kind         text        NOT NULL,
    ex_date      date        NOT NULL,
    effective_at timestamptz NOT NULL,
    value        text        NOT NULL,
    currency     text        NOT NULL,
    fetched_at   timestamptz NOT NULL,
    run_id       text        NOT NULL,
    PRIMARY KEY (topic, partition, kafka_offset)
);
COMMENT ON COLUMN raw.actions.value IS 'Ratio of a split, amount of a dividend.';
COMMENT ON COLUMN raw.actions.currency IS 'Of a dividend; empty for a split.';

-- Each distinct observation of an action. A table of its own for versions would add nothing: actions are few, and the
-- views below are a function of this set, so that no order of arrival can matter.
CREATE TABLE ops.action_observations (
    symbol       text           NOT NULL,
    source       text           NOT NULL,
    kind         text           NOT NULL CHECK (kind IN ('split', 'dividend')),
    ex_date      date           NOT NULL,
    effective_at timestamptz    NOT NULL,
    value        numeric(20, 8) NOT NULL CHECK (value > 0 OR kind = 'dividend' AND value = 0),
    currency     text           NOT NULL,
    fetched_at   timestamptz    NOT NULL,
    PRIMARY KEY (symbol, kind, ex_date, source, fetched_at, effective_at, value, currency)
);

-- What was known when, of each source: the first of each run of equal observations, as for bars (docs/adr/0001).
CREATE VIEW market.corporate_action_versions AS
SELECT symbol, source, kind, ex_date, effective_at,
       CASE kind WHEN 'split' THEN value END AS ratio,
       CASE kind WHEN 'dividend' THEN value END AS amount,
       nullif(currency, '') AS currency,
       fetched_at AS known_from,
       lead(fetched_at) OVER (PARTITION BY symbol, kind, ex_date, source
                              ORDER BY fetched_at, effective_at, value, currency COLLATE "C") AS known_until
  FROM (SELECT *, lag((effective_at, value, currency)) OVER (PARTITION BY symbol, kind, ex_date, source
                                                             ORDER BY fetched_at, effective_at, value, currency COLLATE "C")
                      IS DISTINCT FROM (effective_at, value, currency) AS is_version
          FROM ops.action_observations) observed
 WHERE is_version;
COMMENT ON COLUMN market.corporate_action_versions.known_until IS 'When the source said otherwise; null for what it says now.';

-- What is true. Sources that disagree about an action of a share: the newest observation counts, whichever said it.
CREATE VIEW market.corporate_actions AS
SELECT DISTINCT ON (symbol, kind, ex_date)
       symbol, kind, ex_date, effective_at,
       CASE kind WHEN 'split' THEN value END AS ratio,
       CASE kind WHEN 'dividend' THEN value END AS amount,
       nullif(currency, '') AS currency,
       source, fetched_at
  FROM ops.action_observations
 ORDER BY symbol, kind, ex_date,
          fetched_at DESC, effective_at DESC, value DESC, currency COLLATE "C" DESC, source COLLATE "C" DESC;
COMMENT ON COLUMN market.corporate_actions.ratio IS 'New shares for each old one; 1 for a split that was withdrawn.';
COMMENT ON COLUMN market.corporate_actions.amount IS 'For each share as counted on ex_date; 0 for a dividend that was withdrawn.';
COMMENT ON COLUMN market.corporate_actions.fetched_at IS 'When this was last said.';

-- As in 0007_retire_topic, with raw.actions.
CREATE OR REPLACE FUNCTION ops.retire_topic(retired text) RETURNS text
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
    UPDATE raw.actions SET topic = kept_as WHERE topic = retired;
    UPDATE ops.dead_letters SET topic = kept_as WHERE topic = retired;
    UPDATE ops.batch_ranges SET topic = kept_as WHERE topic = retired;
    DELETE FROM ops.kafka_offsets WHERE topic = retired;
    RETURN kept_as;
END
$$;

GRANT SELECT, INSERT ON raw.actions, ops.action_observations TO marketpulse_loader;
GRANT SELECT ON market.corporate_action_versions, market.corporate_actions TO marketpulse_loader;
