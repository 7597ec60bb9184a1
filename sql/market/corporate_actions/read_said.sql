-- What a source says now.
SELECT symbol, kind, ex_date, effective_at, coalesce(ratio, amount)::text, currency
  FROM market.corporate_action_versions
 WHERE source = %(source)s AND known_until IS NULL
