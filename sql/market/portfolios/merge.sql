-- Makes the table equal to the configuration; what a portfolio that is gone has held goes with it.
MERGE INTO market.portfolios known
USING unnest(%(portfolios)s::text[], %(names)s::text[], %(currencies)s::text[], %(benchmarks)s::text[])
      AS configured (portfolio, name, currency, benchmark)
   ON configured.portfolio = known.portfolio
 WHEN MATCHED AND (known.name, known.currency, known.benchmark)
               IS DISTINCT FROM (configured.name, configured.currency, configured.benchmark) THEN
      UPDATE SET name = configured.name, currency = configured.currency, benchmark = configured.benchmark
 WHEN NOT MATCHED THEN
      INSERT (portfolio, name, currency, benchmark)
      VALUES (configured.portfolio, configured.name, configured.currency, configured.benchmark)
 WHEN NOT MATCHED BY SOURCE THEN DELETE
