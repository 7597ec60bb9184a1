-- The first minute that any series owes a bar of, or has one of.
SELECT least(min(lower(c.expected_at)),
             (SELECT min(b.first_bar)
                FROM market.instruments i
               CROSS JOIN unnest(%(sources)s::text[]) AS s (source)
               CROSS JOIN LATERAL (SELECT min(ts) AS first_bar
                                     FROM market.bars_1m WHERE symbol = i.symbol AND source = s.source) b))
  FROM ops.coverage c
