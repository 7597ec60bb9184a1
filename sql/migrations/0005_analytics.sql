-- Computed by Spark from market.bars_1m; formulas in spark_jobs/marketpulse_spark/transforms.
-- depends: 0004_market
CREATE TABLE analytics.indicators_1m (
    symbol         text             NOT NULL,
    source         text             NOT NULL,
    ts             timestamptz      NOT NULL,
    sma_5          double precision,
    sma_20         double precision,
    sma_60         double precision,
    change_1       double precision,
    change_5       double precision,
    change_15      double precision,
    change_60      double precision,
    change_pct_1   double precision,
    change_pct_5   double precision,
    change_pct_15  double precision,
    change_pct_60  double precision,
    PRIMARY KEY (symbol, source, ts)
);
GRANT SELECT, INSERT, UPDATE ON analytics.indicators_1m TO marketpulse_loader;
