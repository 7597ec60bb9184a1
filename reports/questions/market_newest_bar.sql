-- title: Newest bar
-- description: The start of the newest minute of which the source has a bar.
-- owner: data
-- chart: number
-- columns:
--   newest_bar: {title: Newest bar, unit: time}
-- y: [newest_bar]
-- parameters: [source]
SELECT max(newest_bar) AS newest_bar
  FROM reports.series
 WHERE source = %(source)s;
