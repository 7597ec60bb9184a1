-- What is true of the market, and what was believed before.
-- depends: 0003_raw

-- Mirrors config/instruments.yml.
CREATE TABLE market.instruments (
    symbol   text    PRIMARY KEY,
    name     text    NOT NULL,
    kind     text    NOT NULL CHECK (kind IN ('equity', 'crypto')),
    calendar text    NOT NULL,
    currency text    NOT NULL
);

-- Current truth: the newest version of each one-minute bar.
CREATE TABLE market.bars_1m (
    symbol     text           NOT NULL,
    source     text           NOT NULL,
    ts         timestamptz    NOT NULL,
    open       numeric(20, 8) NOT NULL,
    high       numeric(20, 8) NOT NULL,
    low        numeric(20, 8) NOT NULL,
    close      numeric(20, 8) NOT NULL,
    volume     numeric(28, 8) NOT NULL,
    fetched_at timestamptz    NOT NULL,
    PRIMARY KEY (symbol, source, ts)
);
COMMENT ON COLUMN market.bars_1m.ts IS 'Start of the bar.';
COMMENT ON COLUMN market.bars_1m.fetched_at IS 'When these values were first known.';

-- Earlier versions: what bars_1m held before, each from its fetched_at until the next version's.
CREATE TABLE market.bar_revisions (
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

GRANT SELECT, INSERT, UPDATE, DELETE ON market.instruments TO marketpulse_loader;
GRANT SELECT, INSERT, UPDATE ON market.bars_1m TO marketpulse_loader;
GRANT SELECT, INSERT, DELETE ON market.bar_revisions TO marketpulse_loader;
