-- The minutes of every message that was loaded since: whatever a bar is now, one of them made it so.
INSERT INTO pg_temp.touched (symbol, ts)
SELECT DISTINCT m.symbol, m.ts
  FROM unnest(%(topics)s::text[], %(partitions)s::integer[], %(starts)s::bigint[], %(ends)s::bigint[])
       AS loaded (topic, partition, start_offset, end_offset)
  JOIN raw.bars m ON m.topic = loaded.topic AND m.partition = loaded.partition
                 AND m.kafka_offset >= loaded.start_offset AND m.kafka_offset < loaded.end_offset
