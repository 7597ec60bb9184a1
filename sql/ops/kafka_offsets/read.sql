-- Offsets are exclusive: the next message to load.
SELECT partition, next_offset FROM ops.kafka_offsets WHERE topic = %(topic)s
