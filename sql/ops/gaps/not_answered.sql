UPDATE ops.gaps SET detail = %(detail)s WHERE gap_id = ANY (%(gap_ids)s) AND closed_at IS NULL
