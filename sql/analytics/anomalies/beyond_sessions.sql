-- How many bars that nobody has looked at lie before or after all that market.sessions knows of their calendar. One of
-- the future has no session yet.
SELECT count(*)
  FROM ops.undetected l
  JOIN raw.bars m ON m.topic = l.topic AND m.partition = l.partition
                 AND m.kafka_offset >= l.start_offset AND m.kafka_offset < l.end_offset
  JOIN market.instruments i USING (symbol)
  LEFT JOIN (SELECT calendar, min(session) AS first, max(session) AS last FROM market.sessions GROUP BY calendar) known
         USING (calendar)
 WHERE m.ts <= now() AND ((m.ts AT TIME ZONE 'UTC')::date BETWEEN known.first AND known.last) IS NOT TRUE
