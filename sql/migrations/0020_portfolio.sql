-- Portfolios: what is held, what each session made of it, and what it may lose in the next (docs/adr/0011).
-- depends: 0019_quote_checks

-- These three mirror config/portfolios.yml.
CREATE TABLE market.portfolios (
    portfolio text PRIMARY KEY,
    name      text NOT NULL,
    currency  text NOT NULL,
    benchmark text NOT NULL
);
COMMENT ON COLUMN market.portfolios.benchmark IS 'An instrument; the sessions of its calendar are the portfolio''s.';

CREATE TABLE market.portfolio_versions (
    portfolio  text           NOT NULL REFERENCES market.portfolios ON DELETE CASCADE,
    valid_from date           NOT NULL,
    cash       numeric(28, 8) NOT NULL,
    PRIMARY KEY (portfolio, valid_from)
);
COMMENT ON COLUMN market.portfolio_versions.valid_from IS 'The first session that is entered with these holdings: they were bought at the close before it.';
COMMENT ON COLUMN market.portfolio_versions.cash IS 'Without the dividends since.';

CREATE TABLE market.holdings (
    portfolio  text           NOT NULL,
    valid_from date           NOT NULL,
    symbol     text           NOT NULL,
    shares     numeric(28, 8) NOT NULL CHECK (shares <> 0),
    PRIMARY KEY (portfolio, valid_from, symbol),
    FOREIGN KEY (portfolio, valid_from) REFERENCES market.portfolio_versions ON DELETE CASCADE
);
COMMENT ON COLUMN market.holdings.shares IS 'As counted on valid_from; negative where sold short.';

-- Every build that was committed: of which session, by which code, from which input.
CREATE TABLE ops.daily_builds (
    build_id      bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    session       date        NOT NULL,
    run_id        text        NOT NULL,
    code_version  text        NOT NULL,
    first_session date        NOT NULL,
    newest_bar    timestamptz,
    built_at      timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN ops.daily_builds.code_version IS 'Digest of the code and the SQL that the numbers follow from.';
COMMENT ON COLUMN ops.daily_builds.first_session IS 'The oldest session whose closes were read.';
COMMENT ON COLUMN ops.daily_builds.newest_bar IS 'Start of the newest bar that was read; null where there was none.';
CREATE INDEX ON ops.daily_builds (built_at);

-- Computed by Spark; formulas, windows and sources in spark_jobs/marketpulse_spark/portfolios. Amounts are in the
-- portfolio's currency. build_id is of the build that last changed the row.
CREATE TABLE analytics.portfolio_daily (
    portfolio        text             NOT NULL,
    session          date             NOT NULL,
    nav              double precision,
    cash             double precision NOT NULL,
    pnl              double precision,
    session_return   double precision,
    benchmark_return double precision,
    gross_exposure   double precision,
    net_exposure     double precision,
    volatility_21    double precision,
    volatility_63    double precision,
    beta_63          double precision,
    sharpe_63        double precision,
    drawdown_252     double precision,
    max_drawdown_252 double precision,
    build_id         bigint           NOT NULL REFERENCES ops.daily_builds,
    PRIMARY KEY (portfolio, session)
);
COMMENT ON COLUMN analytics.portfolio_daily.nav IS 'Value of all positions and cash at the close; null while something held has no price.';
COMMENT ON COLUMN analytics.portfolio_daily.cash IS 'With the dividends received since the holdings'' first session.';
COMMENT ON COLUMN analytics.portfolio_daily.pnl IS 'Gain since the close before, dividends included, of what the session was entered with.';
COMMENT ON COLUMN analytics.portfolio_daily.session_return IS 'pnl by the value that the session was entered with; dividends included.';
COMMENT ON COLUMN analytics.portfolio_daily.gross_exposure IS 'Sum of the positions'' values without their signs.';
COMMENT ON COLUMN analytics.portfolio_daily.net_exposure IS 'Sum of the positions'' values.';
COMMENT ON COLUMN analytics.portfolio_daily.volatility_21 IS 'Of the newest 21 session returns, annualised; null until there are 21.';
COMMENT ON COLUMN analytics.portfolio_daily.beta_63 IS 'To the benchmark, over 63 session returns.';
COMMENT ON COLUMN analytics.portfolio_daily.sharpe_63 IS 'Over 63 session returns, annualised, with a risk-free rate of zero.';
COMMENT ON COLUMN analytics.portfolio_daily.drawdown_252 IS 'Loss since the highest point of 252 session returns, zero or negative.';
COMMENT ON COLUMN analytics.portfolio_daily.max_drawdown_252 IS 'The deepest drawdown of these sessions.';

CREATE TABLE analytics.portfolio_positions (
    portfolio text             NOT NULL,
    session   date             NOT NULL,
    symbol    text             NOT NULL,
    shares    double precision NOT NULL,
    price     double precision,
    priced_on date,
    value     double precision,
    weight    double precision,
    pnl       double precision,
    build_id  bigint           NOT NULL REFERENCES ops.daily_builds,
    PRIMARY KEY (portfolio, session, symbol)
);
COMMENT ON COLUMN analytics.portfolio_positions.shares IS 'As counted at the close.';
COMMENT ON COLUMN analytics.portfolio_positions.priced_on IS 'The session whose close it is: an earlier one where nobody traded.';
COMMENT ON COLUMN analytics.portfolio_positions.weight IS 'value by nav.';
COMMENT ON COLUMN analytics.portfolio_positions.pnl IS 'What the position brought to the portfolio''s pnl.';

CREATE TABLE analytics.portfolio_correlations (
    portfolio    text   NOT NULL,
    session      date   NOT NULL,
    symbol       text   NOT NULL,
    other_symbol text   NOT NULL CHECK (symbol < other_symbol),
    correlation  double precision,
    build_id     bigint NOT NULL REFERENCES ops.daily_builds,
    PRIMARY KEY (portfolio, session, symbol, other_symbol)
);
COMMENT ON COLUMN analytics.portfolio_correlations.correlation IS 'Of 63 session returns, dividends included; null until there are 63.';

CREATE TABLE analytics.portfolio_risk (
    portfolio          text             NOT NULL,
    session            date             NOT NULL,
    method             text             NOT NULL CHECK (method IN ('historical', 'filtered')),
    confidence         numeric(4, 3)    NOT NULL,
    for_session        date             NOT NULL CHECK (for_session > session),
    value_at_risk      double precision,
    expected_shortfall double precision,
    build_id           bigint           NOT NULL REFERENCES ops.daily_builds,
    PRIMARY KEY (portfolio, session, method, confidence)
);
COMMENT ON COLUMN analytics.portfolio_risk.session IS 'What was known at its close.';
COMMENT ON COLUMN analytics.portfolio_risk.for_session IS 'The next session, which the forecast is for.';
COMMENT ON COLUMN analytics.portfolio_risk.value_at_risk IS 'The loss that is not exceeded with this confidence, zero or positive; null until 250 sessions (filtered: 324) have a return.';
COMMENT ON COLUMN analytics.portfolio_risk.expected_shortfall IS 'The mean loss of the cases at or beyond it.';

CREATE TABLE analytics.var_backtests (
    portfolio             text             NOT NULL,
    session               date             NOT NULL,
    method                text             NOT NULL,
    confidence            numeric(4, 3)    NOT NULL,
    observations          integer          NOT NULL,
    exceedances           integer          NOT NULL,
    kupiec_lr             double precision,
    kupiec_p              double precision,
    independence_lr       double precision,
    independence_p        double precision,
    coverage_lr           double precision,
    coverage_p            double precision,
    kupiec_rejected       boolean          GENERATED ALWAYS AS (kupiec_p < 0.05) STORED,
    independence_rejected boolean          GENERATED ALWAYS AS (independence_p < 0.05) STORED,
    coverage_rejected     boolean          GENERATED ALWAYS AS (coverage_p < 0.05) STORED,
    build_id              bigint           NOT NULL REFERENCES ops.daily_builds,
    PRIMARY KEY (portfolio, session, method, confidence)
);
COMMENT ON COLUMN analytics.var_backtests.observations IS 'Stored forecasts whose session has come, the newest 250.';
COMMENT ON COLUMN analytics.var_backtests.exceedances IS 'Those of them whose session lost more than the forecast.';
COMMENT ON COLUMN analytics.var_backtests.kupiec_lr IS 'Are there as many as the confidence says? Null until there are 250 observations.';
COMMENT ON COLUMN analytics.var_backtests.independence_lr IS 'Does one follow upon another no more often than by chance?';
COMMENT ON COLUMN analytics.var_backtests.coverage_lr IS 'Both questions at once.';
COMMENT ON COLUMN analytics.var_backtests.kupiec_rejected IS 'The model is rejected at 5 %; null until it can be tested.';

CREATE VIEW reports.portfolio_daily AS
SELECT d.portfolio, p.name, p.currency, p.benchmark, d.session, d.nav, d.cash, d.pnl, d.session_return, d.benchmark_return,
       d.gross_exposure, d.net_exposure, d.volatility_21, d.volatility_63, d.beta_63, d.sharpe_63, d.drawdown_252,
       d.max_drawdown_252, b.built_at
  FROM analytics.portfolio_daily d
  JOIN market.portfolios p USING (portfolio)
  JOIN ops.daily_builds b USING (build_id);

CREATE VIEW reports.portfolio_positions AS
SELECT q.portfolio, q.session, q.symbol, i.name, q.shares, q.price, q.priced_on, q.value, q.weight, q.pnl, p.currency
  FROM analytics.portfolio_positions q
  JOIN market.portfolios p USING (portfolio)
  JOIN market.instruments i USING (symbol);

CREATE VIEW reports.portfolio_correlations AS
SELECT portfolio, session, symbol, other_symbol, correlation FROM analytics.portfolio_correlations;

-- Each forecast, and what came of it.
CREATE VIEW reports.portfolio_risk AS
SELECT r.portfolio, r.session, r.method, r.confidence, r.value_at_risk, r.expected_shortfall, p.currency,
       r.value_at_risk / d.nav AS value_at_risk_share, r.for_session, outcome.pnl AS next_pnl,
       -outcome.pnl > r.value_at_risk AS exceeded, b.built_at < lower(s.hours) AS stored_before_outcome
  FROM analytics.portfolio_risk r
  JOIN market.portfolios p USING (portfolio)
  JOIN market.instruments i ON i.symbol = p.benchmark
  JOIN ops.daily_builds b USING (build_id)
  LEFT JOIN analytics.portfolio_daily d ON d.portfolio = r.portfolio AND d.session = r.session AND d.nav > 0
  LEFT JOIN market.sessions s ON s.calendar = i.calendar AND s.session = r.for_session
  LEFT JOIN analytics.portfolio_daily outcome ON outcome.portfolio = r.portfolio AND outcome.session = r.for_session;
COMMENT ON COLUMN reports.portfolio_risk.next_pnl IS 'Of for_session; null until it is over.';
COMMENT ON COLUMN reports.portfolio_risk.stored_before_outcome IS 'Whether these values stood before for_session opened; not where they were computed or corrected later.';

CREATE VIEW reports.var_backtests AS
SELECT portfolio, session, method, confidence, observations, exceedances, (1 - confidence) * observations AS expected_exceedances,
       kupiec_lr, kupiec_p, kupiec_rejected, independence_lr, independence_p, independence_rejected, coverage_lr, coverage_p,
       coverage_rejected
  FROM analytics.var_backtests;

GRANT SELECT, INSERT, UPDATE, DELETE ON market.portfolios, market.portfolio_versions, market.holdings TO marketpulse_loader;
GRANT SELECT, INSERT ON ops.daily_builds TO marketpulse_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON analytics.portfolio_daily, analytics.portfolio_positions,
      analytics.portfolio_correlations, analytics.portfolio_risk, analytics.var_backtests TO marketpulse_loader;
GRANT SELECT ON reports.portfolio_daily, reports.portfolio_positions, reports.portfolio_correlations,
      reports.portfolio_risk, reports.var_backtests TO marketpulse_reader, marketpulse_loader;
