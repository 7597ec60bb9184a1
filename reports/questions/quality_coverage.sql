-- title: Coverage by session
-- description: The share of a session's regular minutes that are accounted for, by a bar or by the vendor's word that nobody traded.
-- owner: data
-- chart: heatmap
-- columns:
--   session: {title: Session, unit: date}
--   symbol: {title: Symbol}
--   coverage: {title: Coverage, unit: percent}
-- x: session
-- y: [coverage]
-- series: symbol
-- parameters: [source, days]
SELECT session, symbol, (present + untraded)::double precision / nullif(expected, 0) AS coverage
  FROM reports.coverage
 WHERE source = %(source)s
   AND session > (SELECT max(session) FROM reports.coverage WHERE source = %(source)s) - %(days)s::integer
 ORDER BY session, symbol;
