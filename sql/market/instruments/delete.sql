DELETE FROM market.instruments WHERE symbol = ANY (%(symbols)s)
