-- Holes in what should be there, from when they are found until they are closed.
-- depends: 0009_completeness

-- Minutes of one session that were found missing together.
CREATE TABLE ops.gaps (
    gap_id          bigint         GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    symbol          text           NOT NULL,
    source          text           NOT NULL,
    session         date           NOT NULL,
    minutes         tstzmultirange NOT NULL CHECK (NOT isempty(minutes)),
    missing_at      tstzmultirange NOT NULL,
    state           text           NOT NULL DEFAULT 'open'
                    CHECK (state IN ('open', 'requested', 'healed', 'vendor_has_none')),
    detail          text           NOT NULL DEFAULT '',
    requests        integer        NOT NULL DEFAULT 0,
    opened_at       timestamptz    NOT NULL DEFAULT clock_timestamp(),
    next_request_at timestamptz    NOT NULL DEFAULT '-infinity',
    closed_at       timestamptz,
    CHECK (isempty(missing_at) = (closed_at IS NOT NULL)),
    CHECK ((state IN ('healed', 'vendor_has_none')) = (closed_at IS NOT NULL))
);
COMMENT ON COLUMN ops.gaps.minutes IS 'What was missing when it was found.';
COMMENT ON COLUMN ops.gaps.missing_at IS 'What still is.';
COMMENT ON COLUMN ops.gaps.state IS 'open: not answered yet; requested: the vendor has answered; healed: every bar that it has is there; vendor_has_none.';
COMMENT ON COLUMN ops.gaps.detail IS 'Why it is still open: what the vendor said, or that nobody can be asked.';
COMMENT ON COLUMN ops.gaps.requests IS 'How often the vendor has answered.';
CREATE INDEX ON ops.gaps (symbol, source, session) WHERE closed_at IS NULL;

-- Every change of a gap, kept by a trigger so that no writer can forget it.
CREATE TABLE ops.gap_history (
    gap_id  bigint      NOT NULL REFERENCES ops.gaps,
    at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    state   text        NOT NULL,
    missing integer     NOT NULL,
    detail  text        NOT NULL
);
COMMENT ON COLUMN ops.gap_history.missing IS 'Minutes still missing.';
CREATE INDEX ON ops.gap_history (gap_id, at);

CREATE FUNCTION ops.keep_gap_history() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    INSERT INTO ops.gap_history (gap_id, state, missing, detail)
    VALUES (NEW.gap_id, NEW.state, ops.count_minutes(NEW.missing_at), NEW.detail);
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_history_of_new AFTER INSERT ON ops.gaps
    FOR EACH ROW EXECUTE FUNCTION ops.keep_gap_history();
CREATE TRIGGER keep_history_of_changed AFTER UPDATE ON ops.gaps
    FOR EACH ROW WHEN ((OLD.state, OLD.missing_at, OLD.detail, OLD.requests)
                       IS DISTINCT FROM (NEW.state, NEW.missing_at, NEW.detail, NEW.requests))
    EXECUTE FUNCTION ops.keep_gap_history();

CREATE VIEW reports.coverage AS
SELECT symbol, source, session, expected, present, untraded, missing, measured_at FROM ops.coverage;
COMMENT ON VIEW reports.coverage IS 'Minutes of regular trading: expected = present + untraded + missing.';

CREATE VIEW reports.missing_bars AS
SELECT g.symbol, g.source, g.session, lower(part) AS first_minute, upper(part) - interval '1 minute' AS last_minute,
       ops.count_minutes(tstzmultirange(part)) AS minutes, g.state, g.opened_at AS missing_since, g.requests,
       nullif(g.next_request_at, '-infinity') AS next_request_at, g.detail
  FROM ops.gaps g CROSS JOIN LATERAL unnest(g.missing_at) part
 WHERE g.closed_at IS NULL;
COMMENT ON VIEW reports.missing_bars IS 'Each stretch of minutes whose bars are missing, since when, and what is being done about it.';

GRANT SELECT, INSERT, UPDATE ON ops.gaps TO marketpulse_loader;
GRANT SELECT ON ops.gap_history TO marketpulse_loader;
GRANT SELECT ON reports.coverage, reports.missing_bars TO marketpulse_loader, marketpulse_reader;
