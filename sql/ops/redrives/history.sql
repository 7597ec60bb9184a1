SELECT redrive_id, state, payload, reason, requested_by, requested_at, run_id, done_at, to_topic, to_partition, to_offset
  FROM ops.redrives
 WHERE topic = %(topic)s AND partition = %(partition)s AND kafka_offset = %(offset)s
 ORDER BY redrive_id DESC
