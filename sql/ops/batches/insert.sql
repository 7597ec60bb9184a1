INSERT INTO ops.batches (dataset, dag_id, run_id, code_version, writer, submitted_at)
VALUES (%(dataset)s, %(dag_id)s, %(run_id)s, %(code_version)s, %(writer)s, to_timestamp(%(submitted_at)s))
RETURNING batch_id
