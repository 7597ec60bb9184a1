-- Forecasts of each series' next session, what came of them, and their scores (docs/adr/0014).
-- depends: 0022_anomalies

-- Computed by Spark; formulas and sources in spark_jobs/marketpulse_spark/forecasts.
CREATE TABLE analytics.forecasts (
    symbol            text             NOT NULL,
    source            text             NOT NULL,
    quantity          text             NOT NULL CHECK (quantity IN ('volatility', 'direction')),
    for_session       date             NOT NULL CHECK (for_session > session),
    model             text             NOT NULL,
    session           date             NOT NULL,
    stands_from          timestamptz      NOT NULL,
    made_at           timestamptz      NOT NULL,
    made_afterwards   boolean          GENERATED ALWAYS AS (made_at >= stands_from) STORED,
    value             double precision NOT NULL,
    training_sessions integer          NOT NULL,
    coefficients      jsonb            NOT NULL,
    build_id          bigint           NOT NULL REFERENCES ops.daily_builds,
    outcome           double precision,
    outcome_build_id  bigint           REFERENCES ops.daily_builds,
    PRIMARY KEY (symbol, source, quantity, for_session, model),
    CHECK (CASE quantity WHEN 'volatility' THEN value > 0 AND value < 'Infinity' AND outcome > 0
                         ELSE value BETWEEN 0 AND 1 AND outcome IN (0, 1) END)
);
COMMENT ON COLUMN analytics.forecasts.session IS 'What was known at its close.';
COMMENT ON COLUMN analytics.forecasts.stands_from IS 'The opening of for_session, or an hour after the close of session where that is later, as in a market that never closes. Until then a build may correct the forecast.';
COMMENT ON COLUMN analytics.forecasts.made_at IS 'By the clock of PostgreSQL, whatever the writer says.';
COMMENT ON COLUMN analytics.forecasts.made_afterwards IS 'By a backfill: no less walk-forward, but nobody could have acted on it.';
COMMENT ON COLUMN analytics.forecasts.value IS 'Of volatility: the root of the realised variance of regular hours. Of direction: the probability that the close rises.';
COMMENT ON COLUMN analytics.forecasts.outcome IS 'The volatility that was realised; 1 where the close rose, 0 where not. Null until for_session was built.';
COMMENT ON COLUMN analytics.forecasts.outcome_build_id IS 'The build that found this outcome.';

-- What was said of a session stands from its opening on; only its outcome follows the bars.
CREATE FUNCTION analytics.keep_forecast() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    -- made_afterwards is computed from the others after this trigger.
    later CONSTANT text[] := '{outcome,outcome_build_id,made_afterwards}';
BEGIN
    IF TG_OP = 'UPDATE' AND to_jsonb(NEW) - later = to_jsonb(OLD) - later THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.stands_from <= clock_timestamp() THEN
        RAISE EXCEPTION 'What % said of the % of % on % stands: the session has opened', OLD.model, OLD.quantity, OLD.symbol, OLD.for_session
              USING HINT = 'A better model gets a name of its own.';
    END IF;
    NEW.made_at := clock_timestamp();
    RETURN NEW;
END
$$;
CREATE TRIGGER keep_forecast BEFORE INSERT OR UPDATE ON analytics.forecasts
   FOR EACH ROW EXECUTE FUNCTION analytics.keep_forecast();

CREATE VIEW reports.forecasts AS
SELECT f.symbol, i.name, f.source, f.quantity, f.model, f.session, f.for_session, f.value, f.outcome, f.made_at,
       f.made_afterwards, f.training_sessions, f.coefficients
  FROM analytics.forecasts f
  JOIN market.instruments i USING (symbol);

-- Each model beside the random walk over the same sessions.
-- qlike: the mean of ratio - ln(ratio) - 1, ratio = realised / forecast variance; 0 is perfect. Source: Patton, Volatility
-- Forecast Comparison Using Imperfect Volatility Proxies (2011). rmse: of volatility.
-- brier: the mean of (probability - outcome)². Source: Brier, Verification of Forecasts Expressed in Terms of Probability
-- (1950). reliability: the part of it that is due to probabilities that do not come true as often as they say, in tenths of
-- probability. Source: Murphy, A New Vector Partition of the Probability Score (1973). hit_rate: of calls at one half.
-- dm_statistic: the mean by which the baseline's loss (qlike, brier) is greater, by its standard error; one session ahead
-- there is no overlap. Source: Diebold and Mariano, Comparing Predictive Accuracy (1995).
CREATE VIEW reports.forecast_scores AS
WITH scored AS (
    SELECT f.symbol, f.source, f.quantity, f.model, f.made_afterwards, f.value, b.value AS baseline, f.outcome,
           f.quantity = 'volatility' AS is_volatility
      FROM analytics.forecasts f
      JOIN analytics.forecasts b USING (symbol, source, quantity, for_session)
     WHERE f.model <> 'random_walk' AND b.model = 'random_walk' AND f.outcome IS NOT NULL
), losses AS (
    SELECT s.*,
           CASE WHEN is_volatility THEN (outcome / value) ^ 2 - 2 * ln(outcome / value) - 1
                ELSE (value - outcome) ^ 2 END AS loss,
           CASE WHEN is_volatility THEN (outcome / baseline) ^ 2 - 2 * ln(outcome / baseline) - 1
                ELSE (baseline - outcome) ^ 2 END AS baseline_loss,
           (avg(value - outcome) OVER (PARTITION BY symbol, source, quantity, model, made_afterwards,
                                                    least(floor(value * 10), 9))) ^ 2 AS miscalibration,
           (avg(baseline - outcome) OVER (PARTITION BY symbol, source, quantity, model, made_afterwards,
                                                       least(floor(baseline * 10), 9))) ^ 2 AS baseline_miscalibration
      FROM scored s
), scores AS (
    SELECT symbol, source, quantity, model, made_afterwards, count(*) AS sessions,
           sqrt(avg((value - outcome) ^ 2) FILTER (WHERE is_volatility)) AS rmse,
           sqrt(avg((baseline - outcome) ^ 2) FILTER (WHERE is_volatility)) AS baseline_rmse,
           avg(loss) FILTER (WHERE is_volatility) AS qlike,
           avg(baseline_loss) FILTER (WHERE is_volatility) AS baseline_qlike,
           (avg(((value > 0.5) = (outcome = 1))::integer) FILTER (WHERE NOT is_volatility))::double precision AS hit_rate,
           (avg(((baseline > 0.5) = (outcome = 1))::integer) FILTER (WHERE NOT is_volatility))::double precision
               AS baseline_hit_rate,
           avg(loss) FILTER (WHERE NOT is_volatility) AS brier,
           avg(baseline_loss) FILTER (WHERE NOT is_volatility) AS baseline_brier,
           avg(miscalibration) FILTER (WHERE NOT is_volatility) AS reliability,
           avg(baseline_miscalibration) FILTER (WHERE NOT is_volatility) AS baseline_reliability,
           avg(baseline_loss - loss) / nullif(stddev_samp(baseline_loss - loss), 0) * sqrt(count(*)) AS dm_statistic
      FROM losses
     GROUP BY symbol, source, quantity, model, made_afterwards
)
SELECT s.*, CASE WHEN sessions >= 30 THEN coalesce(dm_statistic > 1.645, false) END AS beats_baseline
  FROM scores s;
COMMENT ON COLUMN reports.forecast_scores.sessions IS 'Whose outcome is known; the baseline''s figures are over the same ones.';
COMMENT ON COLUMN reports.forecast_scores.made_afterwards IS 'False: what was said in time. The two are never mixed.';
COMMENT ON COLUMN reports.forecast_scores.beats_baseline IS 'Whether chance is no explanation: dm_statistic above 1.645, one-sided 5 %. Null below 30 sessions.';

-- How often the close rose where a model said so, by tenths of probability: a reliability diagram.
CREATE VIEW reports.forecast_reliability AS
SELECT symbol, source, model, made_afterwards, least(floor(value * 10), 9) / 10 AS probability_from, count(*) AS sessions,
       avg(value) AS mean_probability, avg(outcome) AS share_risen
  FROM analytics.forecasts
 WHERE quantity = 'direction' AND outcome IS NOT NULL
 GROUP BY symbol, source, model, made_afterwards, least(floor(value * 10), 9);

GRANT SELECT, INSERT, UPDATE ON analytics.forecasts TO marketpulse_loader;
GRANT SELECT ON reports.forecasts, reports.forecast_scores, reports.forecast_reliability TO marketpulse_reader, marketpulse_loader;
