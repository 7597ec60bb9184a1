-- What the loaders have committed of each partition.
SELECT topic, partition, topic_id, next_offset FROM ops.kafka_offsets
