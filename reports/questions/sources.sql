-- title: Sources of bars
-- description: Vendors and imports, how many instruments each has and up to when.
-- owner: data
-- chart: table
-- columns:
--   source: {title: Source}
--   instruments: {title: Instruments, unit: count}
--   newest_bar: {title: Newest bar, unit: time}
SELECT source, count(*) AS instruments, max(newest_bar) AS newest_bar
  FROM reports.series
 GROUP BY source
 ORDER BY source;
