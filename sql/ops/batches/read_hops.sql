-- The hops of a batch and their sum, in seconds; no row where nothing in it was live.
SELECT hop, seconds
  FROM ops.batch_hops
 CROSS JOIN LATERAL (VALUES ('fetched', fetched_seconds), ('kafka', kafka_seconds), ('spark', spark_seconds),
                            ('commit', commit_seconds), ('visible', visible_seconds), ('total', total_seconds))
         AS hops (hop, seconds)
 WHERE batch_id = %(batch_id)s
