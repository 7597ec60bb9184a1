-- Stores what was said (temporary table computed) at the close of session $1 by build $2. A forecast whose session has
-- opened stands as it is, right or wrong; one hour is left where a session opens as the one before it closes.
WITH written AS (
    INSERT INTO analytics.forecasts AS t (symbol, source, quantity, for_session, model, session, stands_from, value,
           training_sessions, coefficients, build_id)
    SELECT c.symbol, c.source, c.quantity, c.for_session, c.model, $1,
           greatest(lower(s.hours), upper(built.hours) + interval '1 hour'), c.value, c.training_sessions,
           c.coefficients::jsonb, $2
      FROM computed c
      JOIN market.instruments i USING (symbol)
      JOIN market.sessions s ON s.calendar = i.calendar AND s.session = c.for_session
      JOIN market.sessions built ON built.calendar = i.calendar AND built.session = $1
        ON CONFLICT (symbol, source, quantity, for_session, model) DO UPDATE
       SET session = excluded.session, stands_from = excluded.stands_from, value = excluded.value,
           training_sessions = excluded.training_sessions, coefficients = excluded.coefficients,
           build_id = excluded.build_id
     WHERE t.stands_from > clock_timestamp()
       AND (t.session, t.stands_from, t.value, t.training_sessions, t.coefficients)
        IS DISTINCT FROM
           (excluded.session, excluded.stands_from, excluded.value, excluded.training_sessions, excluded.coefficients)
 RETURNING 1
)
SELECT 0 AS gone, (SELECT count(*) FROM written) AS written
