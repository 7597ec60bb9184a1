SELECT ts, open, high, low, close, volume
  FROM market.bars_1m
 WHERE symbol = %(symbol)s AND source = %(source)s AND ts >= %(start)s AND ts < %(end)s
