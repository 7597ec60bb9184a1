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

-- Prices in today's shares. Factors are rounded to 16 decimals, so that a hundred of them do not have a thousand.
CREATE FUNCTION market.times(a numeric, b numeric) RETURNS numeric
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE RETURN round(a * b, 16);
CREATE AGGREGATE market.product(numeric) (SFUNC = market.times, STYPE = numeric, INITCOND = '1', PARALLEL = SAFE);

-- What prices of a stretch of time are divided by. A dividend takes 1 - amount / last regular close before its ex-date
-- off all prices before it; that close is brought to the shares of the ex-date first. Where it is not known, or the
-- dividend is in another currency or not below it, the dividend adjusts nothing. What lies ahead of now() does not, either.
CREATE VIEW market.adjustment_factors AS
SELECT i.symbol, series.source, factors.valid_from, factors.valid_until, factors.split_factor, factors.total_factor
  FROM market.instruments i
 CROSS JOIN LATERAL (
        -- The sources that have bars, by one look into the index for each.
        WITH RECURSIVE known (source) AS (
            (SELECT b.source FROM market.bars_1m b WHERE b.symbol = i.symbol ORDER BY b.source LIMIT 1)
            UNION ALL
            SELECT (SELECT b.source FROM market.bars_1m b WHERE b.symbol = i.symbol AND b.source > k.source
                     ORDER BY b.source LIMIT 1)
              FROM known k
             WHERE k.source IS NOT NULL
        )
        SELECT source FROM known WHERE source IS NOT NULL) series
 CROSS JOIN LATERAL (
        SELECT border AS valid_from,
               coalesce(lag(border) OVER newest_first, 'infinity') AS valid_until,
               trim_scale(market.product(ratio) OVER later) AS split_factor,
               trim_scale(round(market.product(ratio) OVER later / market.product(kept) OVER later, 16)) AS total_factor
          FROM (SELECT timestamptz '-infinity' AS border, 1 AS ratio, 1 AS kept
                UNION ALL
                SELECT a.effective_at, market.product(a.ratio ORDER BY a.kind, a.ex_date),
                       market.product(CASE WHEN a.amount < previous.price THEN round(1 - a.amount / previous.price, 16) END
                                      ORDER BY a.kind, a.ex_date)
                  FROM market.corporate_actions a
                  LEFT JOIN LATERAL (
                        SELECT b.close / (SELECT market.product(s.ratio ORDER BY s.ex_date)
                                            FROM market.corporate_actions s
                                           WHERE s.symbol = i.symbol AND s.kind = 'split'
                                             AND s.effective_at > b.ts AND s.effective_at <= a.effective_at) AS price
                          FROM market.bars_1m b
                         WHERE b.symbol = i.symbol AND b.source = series.source
                           AND b.ts < coalesce((SELECT upper(d.hours) FROM market.sessions d
                                                 WHERE d.calendar = i.calendar AND d.session < a.ex_date
                                                 ORDER BY d.session DESC LIMIT 1), a.effective_at)
                         ORDER BY b.ts DESC LIMIT 1) previous ON a.currency = i.currency
                 WHERE a.symbol = i.symbol AND a.effective_at <= now()
                 GROUP BY a.effective_at) borders
        WINDOW newest_first AS (ORDER BY border DESC),
               later AS (ORDER BY border DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) factors;
COMMENT ON COLUMN market.adjustment_factors.split_factor IS 'Today''s shares for each share of then: prices are divided by it, volumes multiplied.';
COMMENT ON COLUMN market.adjustment_factors.total_factor IS 'The same with dividends: prices divided by it change as wealth does that buys shares for its dividends.';

-- Name symbol, source and a range of ts: they reach the indexes.
CREATE VIEW market.adjusted_bars_1m AS
SELECT b.symbol, b.source, b.ts,
       round(b.open / f.split_factor, 8) AS open, round(b.high / f.split_factor, 8) AS high,
       round(b.low / f.split_factor, 8) AS low, round(b.close / f.split_factor, 8) AS close,
       round(b.volume * f.split_factor, 8) AS volume,
       round(b.open / f.total_factor, 8) AS total_return_open, round(b.high / f.total_factor, 8) AS total_return_high,
       round(b.low / f.total_factor, 8) AS total_return_low, round(b.close / f.total_factor, 8) AS total_return_close,
       f.split_factor, f.total_factor
  FROM market.adjustment_factors f
  JOIN market.bars_1m b ON b.symbol = f.symbol AND b.source = f.source AND b.ts >= f.valid_from AND b.ts < f.valid_until;
COMMENT ON COLUMN market.adjusted_bars_1m.volume IS 'In today''s shares.';

CREATE VIEW reports.adjusted_bars_1m AS
SELECT b.symbol, i.name, i.kind, i.currency, b.source, b.ts, b.open, b.high, b.low, b.close, b.volume,
       b.total_return_open, b.total_return_high, b.total_return_low, b.total_return_close, b.split_factor, b.total_factor
  FROM market.adjusted_bars_1m b
  JOIN market.instruments i USING (symbol);

-- Splits and dividends that stand, announced ones included.
CREATE VIEW reports.corporate_actions AS
SELECT a.symbol, i.name, a.kind, a.ex_date, a.ratio, a.amount, a.currency, a.source, a.fetched_at
  FROM market.corporate_actions a
  JOIN market.instruments i USING (symbol)
 WHERE coalesce(a.ratio <> 1, a.amount <> 0);

GRANT SELECT ON market.adjustment_factors, market.adjusted_bars_1m TO marketpulse_loader;
GRANT SELECT ON reports.adjusted_bars_1m, reports.corporate_actions TO marketpulse_reader, marketpulse_loader;
