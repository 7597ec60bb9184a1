-- title: Instruments that rose
-- description: The share of all instruments whose price is above the last regular close of the session before.
-- owner: analysts
-- chart: number
-- columns:
--   risen: {title: Risen, unit: percent}
-- y: [risen]
-- parameters: [source]
SELECT avg((change > 0)::integer)::double precision AS risen
  FROM reports.market_now
 WHERE source = %(source)s;
