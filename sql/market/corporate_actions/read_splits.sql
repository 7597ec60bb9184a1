SELECT symbol, ex_date, effective_at, ratio::text, source, fetched_at FROM market.corporate_actions WHERE kind = 'split'
