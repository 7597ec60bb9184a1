-- Asked, and nothing new: the stored bars stay as they are.
UPDATE ops.source_watermarks
   SET updated_at = %(asked_at)s
 WHERE source = %(source)s AND symbol = ANY(%(symbols)s) AND interval = %(interval)s
