-- title: Series that are late
-- description: Polled series of open markets whose newest bar ended more than five minutes ago.
-- owner: data
-- chart: number
-- columns:
--   late: {title: Late, unit: count}
-- y: [late]
SELECT count(*) AS late
  FROM reports.freshness
 WHERE is_open AND age_seconds > 300;
