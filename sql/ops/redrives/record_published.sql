UPDATE ops.redrives
   SET state = 'published', run_id = %(run_id)s, done_at = clock_timestamp(),
       to_topic = %(topic)s, to_partition = %(partition)s, to_offset = %(offset)s
 WHERE redrive_id = %(redrive_id)s
