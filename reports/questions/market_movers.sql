-- title: Movers
-- description: Change of each instrument since the last regular close of the session before, the largest gain first.
-- owner: analysts
-- chart: bar
-- columns:
--   symbol: {title: Symbol}
--   change: {title: Change, unit: percent}
-- x: symbol
-- y: [change]
-- parameters: [source]
SELECT symbol, change
  FROM reports.market_now
 WHERE source = %(source)s AND change IS NOT NULL
 ORDER BY change DESC, symbol;
