-- Takes away the rows of which recomputed indicators (temporary table recomputed) differ in any column, for
-- insert_recomputed.sql to put back; rows that did not change are left alone.
DELETE FROM analytics.indicators_1m t
 USING recomputed r
 WHERE t.symbol = r.symbol AND t.source = r.source AND t.ts = r.ts AND ROW (t.*) IS DISTINCT FROM ROW (r.*)
