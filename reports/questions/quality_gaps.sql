-- title: Missing bars
-- description: Each stretch of regular minutes without bars, the longest missing first, and what is being done about it.
-- owner: data
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   source: {title: Source}
--   first_minute: {title: From, unit: time}
--   last_minute: {title: To, unit: time}
--   minutes: {title: Minutes, unit: minutes}
--   state: {title: State}
--   missing_since: {title: Missing since, unit: time}
--   detail: {title: Why}
SELECT symbol, source, first_minute, last_minute, minutes, state, missing_since, detail
  FROM reports.missing_bars
 ORDER BY missing_since, symbol, source, first_minute
 LIMIT 500;
