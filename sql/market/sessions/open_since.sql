-- Of each calendar: since when its market is open, NULL when it is closed. Sessions that follow one another without a
-- pause count as one, or a market that never closes would open anew at midnight.
SELECT calendar, max(lower(part)) FILTER (WHERE part @> clock_timestamp()) AS opened_at
  FROM (SELECT calendar, unnest(range_agg(hours)) AS part
          FROM market.sessions
         WHERE calendar = ANY (%(calendars)s)
           AND session BETWEEN clock_timestamp()::date - 3 AND clock_timestamp()::date + 3
         GROUP BY calendar) trading
 GROUP BY calendar
