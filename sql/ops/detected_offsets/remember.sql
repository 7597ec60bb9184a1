-- All that the ledger said (temporary table ledger) has been looked at.
INSERT INTO ops.detected_offsets AS known (topic, partition, topic_id, next_offset)
SELECT topic, partition, topic_id, next_offset FROM ledger
    ON CONFLICT (topic, partition) DO UPDATE SET topic_id = excluded.topic_id, next_offset = excluded.next_offset
 WHERE (known.topic_id, known.next_offset) IS DISTINCT FROM (excluded.topic_id, excluded.next_offset)
