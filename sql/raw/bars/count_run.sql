-- How many of the messages of one run were accepted, in one partition and range of offsets.
SELECT count(*)
  FROM raw.bars
 WHERE topic = %(topic)s AND partition = %(partition)s AND run_id = %(run_id)s
   AND kafka_offset BETWEEN %(first)s AND %(last)s
