-- title: Corrections by the vendor
-- description: Bars of the days before the newest one whose values the vendor changed later, the latest correction first. As traded.
-- owner: data
-- chart: table
-- columns:
--   changed_at: {title: Corrected at, unit: time}
--   ts: {title: Minute from, unit: time}
--   close_before: {title: Close before, unit: price}
--   close: {title: Close after, unit: price}
--   volume_before: {title: Volume before, unit: shares}
--   volume: {title: Volume after, unit: shares}
-- parameters: [symbol, source, days]
WITH shown AS (
    SELECT newest_bar FROM reports.series WHERE symbol = %(symbol)s AND source = %(source)s
)
SELECT changed_at, ts, close_before, close, volume_before, volume
  FROM reports.revised_bars
 WHERE symbol = %(symbol)s AND source = %(source)s
   AND ts > (SELECT newest_bar FROM shown) - make_interval(days => %(days)s)
   AND ts <= (SELECT newest_bar FROM shown)
 ORDER BY changed_at DESC, ts DESC
 LIMIT 200;
