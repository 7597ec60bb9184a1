INSERT INTO ops.daily_builds (session, dag_id, run_id, code_version, first_session, newest_bar)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING build_id
