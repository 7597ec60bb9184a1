-- What the loader has committed of each partition, and from where on it has not been compared. A topic that was made
-- anew, another tolerance or other ticks: nothing of what was compared counts.
SELECT l.topic, l.partition, l.topic_id, l.next_offset, with_what.compared_with,
       CASE WHEN r.topic_id = l.topic_id AND r.next_offset <= l.next_offset AND r.compared_with = with_what.compared_with
            THEN r.next_offset END AS compared_until,
       EXISTS (SELECT FROM ops.reconciled_offsets) AND r.topic IS NULL AS is_new
  FROM ops.kafka_offsets l
  LEFT JOIN ops.reconciled_offsets r USING (topic, partition)
 CROSS JOIN (SELECT md5(c.tolerance_ticks::text || string_agg(format(' %%s %%s', i.symbol, i.tick), '' ORDER BY i.symbol))
                    AS compared_with
               FROM market.reconciliation c
              CROSS JOIN market.instruments i
              GROUP BY c.tolerance_ticks) with_what
 WHERE l.topic = ANY (%(topics)s)
 ORDER BY l.topic, l.partition
