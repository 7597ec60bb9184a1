-- Instruments that the configuration no longer lists, and whether bars of them are stored.
SELECT i.symbol, EXISTS (SELECT FROM market.bars_1m b WHERE b.symbol = i.symbol) AS has_bars
  FROM market.instruments i
 WHERE i.symbol <> ALL (%(listed)s)
 ORDER BY i.symbol
