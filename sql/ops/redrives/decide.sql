-- A decision about open letters: one, a group, or all. Those that somebody else has decided meanwhile are left alone.
INSERT INTO ops.redrives (topic, partition, kafka_offset, state, payload, reason, requested_by, done_at)
SELECT topic, partition, kafka_offset, %(state)s,
       CASE %(state)s::text WHEN 'requested' THEN coalesce(%(payload)s, payload, '') END, %(why)s, %(requested_by)s,
       CASE %(state)s::text WHEN 'discarded' THEN clock_timestamp() END
  FROM ops.dead_letter_states
 WHERE state = 'open'
   AND topic = coalesce(%(topic)s, topic) AND partition = coalesce(%(partition)s, partition)
   AND kafka_offset = coalesce(%(offset)s, kafka_offset)
   AND dataset = coalesce(%(dataset)s, dataset) AND reason = coalesce(%(reason)s, reason)
    ON CONFLICT (topic, partition, kafka_offset) WHERE state <> 'refused' DO NOTHING
