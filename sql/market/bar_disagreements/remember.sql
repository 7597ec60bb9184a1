INSERT INTO ops.reconciled_offsets AS known (topic, partition, topic_id, next_offset, compared_with)
VALUES (%(topic)s, %(partition)s, %(topic_id)s, %(next_offset)s, %(compared_with)s)
ON CONFLICT (topic, partition) DO UPDATE
   SET topic_id = excluded.topic_id, next_offset = excluded.next_offset, compared_with = excluded.compared_with
