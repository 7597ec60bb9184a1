-- The tables and views whose rows ops.lineage can trace.
SELECT t.relation
  FROM (SELECT concat_ws('.', table_schema, table_name) AS relation
          FROM information_schema.tables
         WHERE table_schema IN ('market', 'analytics', 'reports')) t
 WHERE ops.lineage_kind(t.relation) IS NOT NULL
 ORDER BY t.relation
