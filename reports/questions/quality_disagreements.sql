-- title: Vendors that disagree
-- description: Bars of one minute that lie further apart than the tolerance, the furthest first. In the currency of the instrument.
-- owner: data
-- chart: table
-- columns:
--   symbol: {title: Symbol}
--   ts: {title: Minute from, unit: time}
--   source: {title: Source}
--   close: {title: Its close, unit: price}
--   other_source: {title: Other source}
--   other_close: {title: Its close, unit: price}
--   ticks_apart: {title: Apart, unit: ticks}
--   found_at: {title: Found, unit: time}
-- parameters: [days]
SELECT symbol, ts, source, close, other_source, other_close, ticks_apart, found_at
  FROM reports.vendor_disagreements
 WHERE resolved_at IS NULL AND ts > now() - make_interval(days => %(days)s)
 ORDER BY ticks_apart DESC, symbol, ts, source, other_source
 LIMIT 200;
