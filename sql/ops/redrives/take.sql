-- The oldest requests of one topic, kept from every other run until the transaction ends.
SELECT redrive_id, payload
  FROM ops.redrives
 WHERE state = 'requested' AND split_part(topic, '@', 1) = %(topic)s
 ORDER BY redrive_id
 LIMIT 500
   FOR UPDATE SKIP LOCKED
