-- The last trade, by a vendor of quotes, beside the newest bars of the others.
-- depends: 0018_session_indicators

CREATE TABLE ops.quote_checks (
    symbol       text           NOT NULL,
    quote_source text           NOT NULL,
    bar_source   text           NOT NULL,
    price        numeric(20, 8) NOT NULL,
    traded_at    timestamptz    NOT NULL,
    bar_ts       timestamptz    NOT NULL,
    bar_close    numeric(20, 8) NOT NULL,
    state        text           NOT NULL CHECK (state IN ('agrees', 'price_differs', 'bars_late', 'not_traded')),
    checked_at   timestamptz    NOT NULL,
    PRIMARY KEY (symbol, quote_source, bar_source)
);
COMMENT ON COLUMN ops.quote_checks.price IS 'Of the last trade, as the source of quotes has it; traded_at is when that was.';
COMMENT ON COLUMN ops.quote_checks.bar_ts IS 'Start of the newest bar that the other source had brought; bar_close is its close.';
COMMENT ON COLUMN ops.quote_checks.state IS 'sql/ops/quote_checks/README.md says what each means.';

CREATE VIEW reports.quote_checks AS
SELECT q.symbol, i.name, q.quote_source, q.bar_source, q.state, q.price, q.traded_at, q.bar_ts, q.bar_close, q.checked_at
  FROM ops.quote_checks q
  JOIN market.instruments i USING (symbol);

GRANT SELECT, INSERT, UPDATE ON ops.quote_checks TO marketpulse_loader;
GRANT SELECT ON reports.quote_checks TO marketpulse_reader, marketpulse_loader;
