-- title: Instruments with bars
-- description: What can be chosen as a symbol.
-- owner: data
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   name: {title: Name}
--   kind: {title: Kind}
--   currency: {title: Currency}
SELECT DISTINCT symbol, name, kind, currency
  FROM reports.series
 ORDER BY symbol;
