-- title: Dead letters
-- description: Messages that break their contract, by the UTC day on which Kafka took them, and why.
-- owner: data
-- chart: bar
-- columns:
--   day: {title: Day, unit: date}
--   reason: {title: Reason}
--   messages: {title: Messages, unit: count}
-- x: day
-- y: [messages]
-- series: reason
-- parameters: [days]
SELECT kafka_ts::date AS day, reason, count(*) AS messages
  FROM reports.dead_letters
 WHERE kafka_ts > now() - make_interval(days => %(days)s)
 GROUP BY day, reason
 ORDER BY day, reason;
