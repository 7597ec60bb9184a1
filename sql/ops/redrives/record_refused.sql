UPDATE ops.redrives
   SET state = 'refused', run_id = %(run_id)s, done_at = clock_timestamp(), reason = %(why)s
 WHERE redrive_id = %(redrive_id)s
