SELECT s.*, b.dag_id, b.run_id, b.code_version
  FROM ops.dead_letter_states s
  JOIN ops.batches b USING (batch_id)
 WHERE s.topic = %(topic)s AND s.partition = %(partition)s AND s.kafka_offset = %(offset)s
