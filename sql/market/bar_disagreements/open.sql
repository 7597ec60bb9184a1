SELECT source, other_source, count(*) FILTER (WHERE resolved_at IS NULL)
  FROM market.bar_disagreements GROUP BY source, other_source ORDER BY source, other_source
