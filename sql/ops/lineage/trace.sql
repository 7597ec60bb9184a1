-- Where a row comes from; of a row with more inputs, the first 500.
SELECT * FROM ops.lineage(%(relation)s, %(key)s::jsonb) LIMIT 500
