-- Fills in what session $1 made of the forecasts for it (temporary table computed), as build $2 found it. Where its bars
-- were revised since, the outcome follows them.
WITH written AS (
    UPDATE analytics.forecasts t
       SET outcome = c.outcome, outcome_build_id = $2
      FROM computed c
     WHERE t.symbol = c.symbol AND t.source = c.source AND t.quantity = c.quantity AND t.for_session = $1
       AND t.outcome IS DISTINCT FROM c.outcome
 RETURNING 1
)
SELECT 0 AS gone, (SELECT count(*) FROM written) AS written
