-- Whether bars of these minutes were fetched while they were news.
SELECT EXISTS (SELECT FROM market.bars_1m
                WHERE symbol = %(symbol)s AND source = %(source)s AND ts >= %(start)s AND ts < %(end)s
                  AND fetched_at < %(end)s)
