-- Newest first: what the desk looks at.
SELECT gap_id, symbol, missing_at
  FROM ops.gaps
 WHERE source = %(source)s AND closed_at IS NULL AND next_request_at <= %(now)s
 ORDER BY upper(missing_at) DESC, symbol
