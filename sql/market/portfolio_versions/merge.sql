-- Makes the table equal to the configuration; the holdings of a version that is gone go with it.
MERGE INTO market.portfolio_versions known
USING unnest(%(portfolios)s::text[], %(dates)s::date[], %(cash)s::numeric[]) AS configured (portfolio, valid_from, cash)
   ON configured.portfolio = known.portfolio AND configured.valid_from = known.valid_from
 WHEN MATCHED AND known.cash <> configured.cash THEN UPDATE SET cash = configured.cash
 WHEN NOT MATCHED THEN
      INSERT (portfolio, valid_from, cash) VALUES (configured.portfolio, configured.valid_from, configured.cash)
 WHEN NOT MATCHED BY SOURCE THEN DELETE
