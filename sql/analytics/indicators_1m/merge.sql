-- Merges recomputed indicators (temporary table recomputed); rows that did not change are left alone.
INSERT INTO analytics.indicators_1m AS t
       (symbol, source, ts, sma_5, sma_20, sma_60, change_1, change_5, change_15, change_60, change_pct_1, change_pct_5,
        change_pct_15, change_pct_60)
SELECT symbol, source, ts, sma_5, sma_20, sma_60, change_1, change_5, change_15, change_60, change_pct_1, change_pct_5,
       change_pct_15, change_pct_60
  FROM recomputed
    ON CONFLICT (symbol, source, ts) DO UPDATE
   SET sma_5 = excluded.sma_5, sma_20 = excluded.sma_20, sma_60 = excluded.sma_60,
       change_1 = excluded.change_1, change_5 = excluded.change_5, change_15 = excluded.change_15,
       change_60 = excluded.change_60, change_pct_1 = excluded.change_pct_1,
       change_pct_5 = excluded.change_pct_5, change_pct_15 = excluded.change_pct_15,
       change_pct_60 = excluded.change_pct_60
 WHERE (t.sma_5, t.sma_20, t.sma_60, t.change_1, t.change_5, t.change_15, t.change_60, t.change_pct_1,
        t.change_pct_5, t.change_pct_15, t.change_pct_60)
       IS DISTINCT FROM
       (excluded.sma_5, excluded.sma_20, excluded.sma_60, excluded.change_1, excluded.change_5,
        excluded.change_15, excluded.change_60, excluded.change_pct_1, excluded.change_pct_5,
        excluded.change_pct_15, excluded.change_pct_60)
