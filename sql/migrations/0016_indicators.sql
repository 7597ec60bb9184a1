-- Exponential averages, volatility, bands, oscillators; formulas in spark_jobs/marketpulse_spark/transforms/indicators.
-- depends: 0015_news_and_quotes
ALTER TABLE analytics.indicators_1m
    ADD COLUMN ema_12                 double precision,
    ADD COLUMN ema_26                 double precision,
    ADD COLUMN log_return_1           double precision,
    ADD COLUMN realised_volatility_60 double precision,
    ADD COLUMN bollinger_upper_20     double precision,
    ADD COLUMN bollinger_lower_20     double precision,
    ADD COLUMN rsi_14                 double precision,
    ADD COLUMN atr_14                 double precision;

-- A row that is computed again is taken away and added anew, whichever columns it has.
GRANT DELETE ON analytics.indicators_1m TO marketpulse_loader;

-- All indicators. A migration that adds one replaces this view by the same statement.
CREATE VIEW reports.indicators_1m AS
SELECT i.name, i.kind, i.currency, b.close, b.volume, n.*
  FROM analytics.indicators_1m n
  JOIN market.bars_1m b USING (symbol, source, ts)
  JOIN market.instruments i USING (symbol);
GRANT SELECT ON reports.indicators_1m TO marketpulse_reader, marketpulse_loader;
