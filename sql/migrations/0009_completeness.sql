-- When markets trade, and which bars of those minutes are there.
-- depends: 0008_known_when

-- One row for each trading day of a calendar, from exchange_calendars; a day of 24/7 is a UTC day.
CREATE TABLE market.sessions (
    calendar text           NOT NULL,
    session  date           NOT NULL,
    hours    tstzmultirange NOT NULL CHECK (NOT isempty(hours)),
    PRIMARY KEY (calendar, session)
);
COMMENT ON COLUMN market.sessions.session IS 'The trading day, by the calendar of the exchange.';
COMMENT ON COLUMN market.sessions.hours IS 'Regular trading: open to close, without a lunch break and without extended hours.';

CREATE FUNCTION ops.count_minutes(minutes tstzmultirange) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS
$$ SELECT coalesce(sum(extract(epoch FROM upper(part) - lower(part))), 0)::integer / 60 FROM unnest(minutes) part $$;

-- What vendors answered when they were asked again for a minute that has no bar: there is none.
CREATE TABLE ops.untraded_minutes (
    symbol      text           NOT NULL,
    source      text           NOT NULL,
    session     date           NOT NULL,
    minutes     tstzmultirange NOT NULL CHECK (NOT isempty(minutes)),
    answered_at timestamptz    NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, source, session)
);
COMMENT ON COLUMN ops.untraded_minutes.answered_at IS 'When the newest of these answers came.';

-- What market.bars_1m holds of each session that a source should have: one row for each symbol, source and session.
CREATE TABLE ops.coverage (
    symbol      text           NOT NULL,
    source      text           NOT NULL,
    session     date           NOT NULL,
    expected_at tstzmultirange NOT NULL,
    expected    integer        NOT NULL,
    present     integer        NOT NULL CHECK (present <= expected),
    untraded    integer        NOT NULL,
    missing     integer        GENERATED ALWAYS AS (expected - present - untraded) STORED,
    missing_at  tstzmultirange NOT NULL,
    measured_at timestamptz    NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (symbol, source, session)
);
COMMENT ON COLUMN ops.coverage.expected_at IS 'Regular trading, from the first bar that the source ever had on.';
COMMENT ON COLUMN ops.coverage.expected IS 'Minutes of expected_at.';
COMMENT ON COLUMN ops.coverage.present IS 'Those of them that have a bar.';
COMMENT ON COLUMN ops.coverage.untraded IS 'Those that have none because, as the vendor says, nobody traded: ops.untraded_minutes.';
COMMENT ON COLUMN ops.coverage.missing_at IS 'The others, neighbours joined.';
COMMENT ON COLUMN ops.coverage.measured_at IS 'When this row last changed.';
CREATE INDEX ON ops.coverage (session) WHERE missing > 0;

GRANT SELECT, INSERT, UPDATE, DELETE ON market.sessions, ops.coverage, ops.untraded_minutes TO marketpulse_loader;
