INSERT INTO ops.detections (dag_id, run_id, code_version, sessions) VALUES ($1, $2, $3, $4) RETURNING detection_id
