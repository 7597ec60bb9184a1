-- The newest letters of a group.
SELECT topic, partition, kafka_offset, kafka_ts, batch_id, detail, payload, requested_by, requested_at
  FROM ops.dead_letter_states
 WHERE dataset = %(dataset)s AND reason = %(reason)s AND state = %(state)s
 ORDER BY kafka_ts DESC, topic, partition, kafka_offset DESC
 LIMIT 200
