-- The oldest bar that nobody has looked at.
SELECT min(m.ts)
  FROM ops.undetected l
  JOIN raw.bars m ON m.topic = l.topic AND m.partition = l.partition
                 AND m.kafka_offset >= l.start_offset AND m.kafka_offset < l.end_offset
