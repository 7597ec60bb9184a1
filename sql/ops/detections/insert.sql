INSERT INTO ops.detections (run_id, code_version, sessions) VALUES ($1, $2, $3) RETURNING detection_id
