-- The stable interface of Metabase and the report page: views only.
-- depends: 0005_analytics
CREATE VIEW reports.bars_1m AS
SELECT b.symbol, i.name, i.kind, i.currency, b.source, b.ts, b.open, b.high, b.low, b.close, b.volume,
       n.sma_5, n.sma_20, n.sma_60, n.change_1, n.change_5, n.change_15, n.change_60,
       n.change_pct_1, n.change_pct_5, n.change_pct_15, n.change_pct_60
  FROM market.bars_1m b
  JOIN market.instruments i USING (symbol)
  LEFT JOIN analytics.indicators_1m n USING (symbol, source, ts);

CREATE VIEW reports.latest_bars AS
SELECT latest.*
  FROM (SELECT DISTINCT symbol, source FROM ops.source_watermarks
        UNION SELECT symbol, 'alpha_vantage' FROM market.instruments) known
 CROSS JOIN LATERAL (SELECT * FROM reports.bars_1m b
                      WHERE b.symbol = known.symbol AND b.source = known.source
                      ORDER BY b.ts DESC LIMIT 1) latest;
GRANT SELECT ON reports.bars_1m, reports.latest_bars TO marketpulse_reader, marketpulse_loader;
