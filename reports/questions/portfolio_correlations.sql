-- title: Correlation of positions
-- description: Of 63 session returns up to the newest close, from -1 (against each other) to 1 (together).
-- owner: risk
-- chart: heatmap
-- columns:
--   symbol: {title: Symbol}
--   other_symbol: {title: Other symbol}
--   correlation: {title: Correlation, unit: ratio}
-- x: other_symbol
-- y: [correlation]
-- series: symbol
-- parameters: [portfolio]
WITH pairs AS (
    SELECT symbol, other_symbol, correlation
      FROM reports.portfolio_correlations
     WHERE portfolio = %(portfolio)s
       AND session = (SELECT max(session) FROM reports.portfolio_correlations WHERE portfolio = %(portfolio)s)
)
SELECT symbol, other_symbol, correlation FROM pairs
UNION ALL
SELECT other_symbol, symbol, correlation FROM pairs
 ORDER BY symbol, other_symbol;
