-- Makes the table equal to the configuration.
MERGE INTO market.holdings known
USING unnest(%(portfolios)s::text[], %(dates)s::date[], %(symbols)s::text[], %(shares)s::numeric[])
      AS configured (portfolio, valid_from, symbol, shares)
   ON configured.portfolio = known.portfolio AND configured.valid_from = known.valid_from
  AND configured.symbol = known.symbol
 WHEN MATCHED AND known.shares <> configured.shares THEN UPDATE SET shares = configured.shares
 WHEN NOT MATCHED THEN
      INSERT (portfolio, valid_from, symbol, shares)
      VALUES (configured.portfolio, configured.valid_from, configured.symbol, configured.shares)
 WHEN NOT MATCHED BY SOURCE THEN DELETE
