INSERT INTO pg_temp.touched (symbol, ts)
SELECT symbol, ts FROM market.bars_1m GROUP BY symbol, ts HAVING count(*) > 1
