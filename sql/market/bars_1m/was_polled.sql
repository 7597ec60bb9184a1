-- Whether bars of this UTC day were fetched while they were news.
SELECT EXISTS (SELECT FROM market.bars_1m
                WHERE symbol = %(symbol)s AND source = %(source)s
                  AND ts >= %(day)s::date AND ts < %(day)s::date + 1 AND fetched_at < ts + interval '1 hour')
