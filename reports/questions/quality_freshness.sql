-- title: Freshness
-- description: How old the newest bar of each polled series is since its minute ended, the oldest first. Old bars are wrong only while the market is open.
-- owner: data
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   source: {title: Source}
--   market: {title: Market}
--   newest_bar: {title: Newest bar, unit: time}
--   age_seconds: {title: Age, unit: seconds}
SELECT symbol, source, CASE WHEN is_open THEN 'open' ELSE 'closed' END AS market, newest_bar, age_seconds
  FROM reports.freshness
 ORDER BY is_open DESC, age_seconds DESC, symbol, source;
