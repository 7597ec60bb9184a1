-- Two sessions of three instruments, and a bit of everything else: small enough to work out every answer by hand.
-- Rows of 1990, of source b and of other states are there to be left out.
INSERT INTO market.instruments (symbol, name, kind, calendar, currency) VALUES
    ('AAA', 'Alpha Inc.', 'equity', 'XNYS', 'USD'),
    ('BBB', 'Beta Inc.', 'equity', 'XNYS', 'USD'),
    ('BTCUSD', 'Bitcoin', 'crypto', '24/7', 'USD');

INSERT INTO market.sessions
SELECT 'XNYS', day, tstzmultirange(tstzrange(day + time '13:30', day + time '20:00'))
  FROM unnest('{2026-05-08,2026-05-11,2026-05-12,2026-05-13,2026-05-14,2026-05-15}'::date[]) day
UNION ALL
-- The market that never closes is open today too.
SELECT '24/7', day, tstzmultirange(tstzrange(day, day + 1)) FROM unnest(ARRAY['2026-05-14', '2026-05-15', current_date]) day;

INSERT INTO market.bars_1m (symbol, source, ts, open, high, low, close, volume, fetched_at)
SELECT b.*, ts + interval '10 minutes'
  FROM (VALUES ('AAA', 'a', timestamptz '2026-05-14 13:30Z', 10, 10, 10, 10, 100),
               ('AAA', 'a', '2026-05-14 19:59Z', 20, 20, 20, 20, 100),
               ('AAA', 'a', '2026-05-15 13:30Z', 10, 11, 9, 11, 100),
               ('AAA', 'a', '2026-05-15 13:31Z', 11, 12, 11, 12, 300),
               ('AAA', 'b', '2026-05-15 13:30Z', 11, 11.5, 11, 11.5, 100),
               ('BBB', 'a', '2026-05-08 13:30Z', 50, 50, 50, 50, 3),
               ('BBB', 'a', '2026-05-11 13:30Z', 50, 50, 50, 50, 4),
               ('BBB', 'a', '2026-05-12 13:30Z', 50, 50, 50, 50, 5),
               ('BBB', 'a', '2026-05-13 13:30Z', 50, 50, 50, 50, 6),
               ('BBB', 'a', '2026-05-14 13:30Z', 50, 50, 50, 50, 7),
               ('BBB', 'a', '2026-05-14 19:59Z', 50, 50, 50, 50, 10),
               ('BBB', 'a', '2026-05-15 13:30Z', 50, 50, 40, 40, 10),
               ('BTCUSD', 'a', '2026-05-14 23:59Z', 1000, 1000, 1000, 1000, 1),
               ('BTCUSD', 'a', '2026-05-15 00:30Z', 1000, 1010, 1000, 1010, 1),
               ('BTCUSD', 'a', '2026-05-15 14:00Z', 1000, 1010, 990, 1005, 0.5),
               ('BTCUSD', 'a', '2026-05-15 14:01Z', 1005, 1005, 1005, 1005, 0.5))
       b (symbol, source, ts, open, high, low, close, volume);
INSERT INTO market.bar_revisions VALUES
    ('AAA', 'a', '2026-05-15 13:30Z', 10, 11, 9, 10.5, 90, '2026-05-15 13:32Z'),
    ('AAA', 'b', '2026-05-15 13:30Z', 11, 11.5, 11, 11, 90, '2026-05-15 13:32Z');
INSERT INTO analytics.indicators_1m (symbol, source, ts, sma_20, sma_60, bollinger_upper_20, bollinger_lower_20, rsi_14,
                                     realised_volatility_60) VALUES
    ('AAA', 'a', '2026-05-15 13:30Z', 10.25, NULL, 12.5, 8, NULL, NULL),
    ('AAA', 'a', '2026-05-15 13:31Z', 10.5, 10.75, 13, 8, 62.5, 0.015);

-- Two shares for one before the session of the 15th, a dividend, and a split that was withdrawn.
INSERT INTO ops.action_observations VALUES
    ('AAA', 'a', 'split', '2026-05-15', '2026-05-15 04:00Z', 2, '', '2026-05-14 12:00Z'),
    ('BBB', 'a', 'dividend', '2026-05-15', '2026-05-15 04:00Z', 0.5, 'USD', '2026-05-14 12:00Z'),
    ('BBB', 'a', 'split', '2026-05-13', '2026-05-13 04:00Z', 1, '', '2026-05-14 12:00Z'),
    ('BBB', 'a', 'dividend', '1990-01-02', '1990-01-02 05:00Z', 0.25, 'USD', '1990-01-01 12:00Z');

INSERT INTO analytics.anomalies (symbol, source, kind, ts, detected_ts, ended_ts, score, evidence, withdrawn_at,
                                 acknowledged_at, acknowledged_by) VALUES
    ('AAA', 'a', 'bad_tick', '2026-05-15 13:30Z', '2026-05-15 13:31Z', NULL, 7, '{}', NULL, NULL, NULL),
    ('BBB', 'a', 'volume_burst', '2026-05-15 13:30Z', '2026-05-15 13:32Z', '2026-05-15 13:40Z', 3.5, '{}', NULL, NULL, NULL),
    ('BBB', 'a', 'gap', '2026-05-15 13:31Z', '2026-05-15 13:32Z', NULL, 1, '{}', '2026-05-15 14:00Z', NULL, NULL),
    ('BBB', 'a', 'halt', '2026-05-15 13:32Z', '2026-05-15 13:33Z', NULL, 1, '{}', NULL, '2026-05-15 14:00Z', 'somebody'),
    ('BBB', 'a', 'gap', '1990-01-02 15:00Z', '1990-01-02 15:01Z', NULL, 1, '{}', NULL, NULL, NULL);

INSERT INTO market.articles VALUES
    ('n1', 'v', 'https://news.example/1', 'Wire', 'Alpha rises', 'k1', '', '2026-05-15 12:00Z',
     '[{"symbol": "AAA", "relevance": 0.9, "sentiment": 0.4}, {"symbol": "BBB", "relevance": 0.2, "sentiment": -0.2}]',
     NULL, NULL, '2026-05-15 12:01Z', 'n1'),
    ('n2', 'w', 'https://news.example/2', 'Post', 'Alpha rises', 'k1', '', '2026-05-15 12:05Z',
     '[{"symbol": "AAA", "relevance": null, "sentiment": 0.1}]', NULL, NULL, '2026-05-15 12:06Z', 'n1'),
    ('n3', 'v', 'https://news.example/3', 'Wire', 'Beta falls', 'k3', '', '2026-05-15 13:00Z',
     '[{"symbol": "BBB", "relevance": 1, "sentiment": null}]', -0.5, NULL, '2026-05-15 13:01Z', 'n3'),
    ('n0', 'v', 'https://news.example/0', 'Wire', 'Long ago', 'k0', '', '1990-01-02 13:00Z',
     '[{"symbol": "AAA", "relevance": 1, "sentiment": 1}]', NULL, NULL, '1990-01-02 13:01Z', 'n0');
INSERT INTO analytics.sentiment_1h VALUES
    ('AAA', '2026-05-15 00:00Z', 1, 0, 0),
    ('AAA', '2026-05-15 13:00Z', 1, 0.4, 0.4),
    ('AAA', '2026-05-15 14:00Z', 0, NULL, 0.3),
    ('BBB', '2026-05-15 13:00Z', 3, -0.25, -0.25),
    ('BBB', '2026-05-15 14:00Z', 1, -0.5, -0.4),
    ('BTCUSD', '2026-05-15 00:00Z', 1, 0.2, 0.2),
    ('AAA', '1990-01-02 14:00Z', 1, 1, 1);

INSERT INTO market.portfolios VALUES ('mine', 'Mine', 'USD', 'AAA'), ('other', 'Other', 'USD', 'BBB');
INSERT INTO ops.daily_builds (session, run_id, code_version, first_session, built_at)
VALUES ('2026-05-14', 'run', 'code', '2026-05-13', '2026-05-14 21:00Z');
-- Every row of the daily job is of that build.
CREATE TEMP VIEW build AS SELECT max(build_id) AS id FROM ops.daily_builds;
INSERT INTO analytics.portfolio_daily (portfolio, session, nav, cash, pnl, session_return, benchmark_return, volatility_21,
                                       volatility_63, drawdown_252, build_id)
SELECT d.*, b.id
  FROM build b,
       (VALUES ('mine', date '2026-05-13', 1000, 680, NULL::float8, NULL::float8, NULL::float8, NULL::float8, NULL::float8, 0),
               ('mine', '2026-05-14', 1100, 680, 100, 0.1, 0.05, NULL, NULL, 0),
               ('mine', '2026-05-15', 990, 680, -110, -0.1, 0.1, 0.2, 0.3, -0.1),
               ('mine', '1990-01-02', 1, 1, 0, 0.5, 0.5, NULL, NULL, 0),
               ('other', '2026-05-15', 1, 1, 0, 0.5, 0.5, 0.1, 0.1, 0)) d;
INSERT INTO analytics.portfolio_positions
SELECT p.*, b.id
  FROM build b,
       (VALUES ('mine', date '2026-05-15', 'AAA', 10, 12, date '2026-05-15', 120, 0.125, 20),
               ('mine', '2026-05-15', 'BBB', 5, 40, '2026-05-14', 200, 0.25, -130),
               ('mine', '2026-05-14', 'AAA', 10, 10, '2026-05-14', 100, 0.1, 0)) p;
INSERT INTO analytics.portfolio_correlations
SELECT 'mine', c.session::date, 'AAA', 'BBB', c.correlation, b.id
  FROM build b, (VALUES ('2026-05-14', 0.25), ('2026-05-15', 0.5)) c (session, correlation);
INSERT INTO analytics.portfolio_risk
SELECT 'mine', r.session::date, r.method, r.confidence, r.for_session::date, r.value_at_risk, r.value_at_risk, b.id
  FROM build b,
       (VALUES ('2026-05-14', 'historical', 0.95, '2026-05-15', 100), ('2026-05-14', 'filtered', 0.95, '2026-05-15', 120),
               ('2026-05-14', 'historical', 0.99, '2026-05-15', 150), ('2026-05-15', 'historical', 0.95, '2026-05-18', 90))
       r (session, method, confidence, for_session, value_at_risk);
INSERT INTO analytics.var_backtests (portfolio, session, method, confidence, observations, exceedances, coverage_p, build_id)
SELECT 'mine', t.session::date, t.method, t.confidence, t.observations, t.exceedances, t.coverage_p, b.id
  FROM build b,
       (VALUES ('2026-05-15', 'historical', 0.95, 250, 12, 0.9), ('2026-05-15', 'filtered', 0.95, 250, 30, 0.001),
               ('2026-05-15', 'historical', 0.99, 100, 2, NULL), ('2026-05-14', 'historical', 0.95, 249, 12, NULL))
       t (session, method, confidence, observations, exceedances, coverage_p);

-- What was said before an opening that is still to come was said in time; of March, afterwards.
INSERT INTO analytics.forecasts (symbol, source, quantity, for_session, model, session, stands_from, made_at, value,
                                 training_sessions, coefficients, build_id, outcome)
SELECT f.symbol, 'a', f.quantity, f.for_session, f.model, f.for_session - 1, f.stands_from, now(), f.value, 250, '{}', b.id,
       f.outcome
  FROM build b,
       (SELECT 'AAA', quantity, for_session::date, model, value, outcome, timestamptz '2999-01-01 00:00Z'
          FROM (VALUES ('volatility', '2026-05-14', 'random_walk', 0.02, 0.01), ('volatility', '2026-05-14', 'har', 0.01, 0.01),
                       ('volatility', '2026-05-15', 'random_walk', 0.01, 0.02), ('volatility', '2026-05-15', 'har', 0.02, 0.02),
                       ('volatility', '2026-05-18', 'random_walk', 0.02, NULL), ('volatility', '2026-05-18', 'har', 0.015, NULL),
                       ('direction', '2026-05-15', 'random_walk', 0.5, 1), ('direction', '2026-05-15', 'logistic', 0.75, 1),
                       ('direction', '2026-05-18', 'random_walk', 0.5, NULL), ('direction', '2026-05-18', 'logistic', 0.25, NULL))
               said (quantity, for_session, model, value, outcome)
        UNION ALL
        SELECT 'BBB', 'volatility', date '2026-03-01' + day, model, CASE WHEN model = 'har' THEN 0.01 ELSE 0.02 * (1 + day % 2) END,
               0.01, timestamptz '2026-03-01 00:00Z'
          FROM generate_series(0, 29) day, unnest('{har,random_walk}'::text[]) model)
       f (symbol, quantity, for_session, model, value, outcome, stands_from);

INSERT INTO ops.coverage (symbol, source, session, expected_at, expected, present, untraded, missing_at) VALUES
    ('AAA', 'a', '2026-05-14', '{}', 400, 397, 1, '{}'),
    ('AAA', 'a', '2026-05-15', '{}', 400, 400, 0, '{}'),
    ('AAA', 'b', '2026-05-15', '{}', 400, 0, 0, '{}'),
    ('AAA', 'a', '1990-01-02', '{}', 400, 0, 0, '{}');
INSERT INTO ops.gaps (symbol, source, session, minutes, missing_at, state, detail, opened_at, closed_at) VALUES
    ('AAA', 'a', '2026-05-14', '{[2026-05-14 15:00Z,2026-05-14 15:02Z)}', '{[2026-05-14 15:00Z,2026-05-14 15:02Z)}',
     'requested', 'the vendor is silent', '2026-05-14 21:00Z', NULL),
    ('AAA', 'a', '2026-05-14', '{[2026-05-14 16:00Z,2026-05-14 16:02Z)}', '{}', 'healed', '', '2026-05-14 21:00Z',
     '2026-05-14 22:00Z');
INSERT INTO ops.source_watermarks (symbol, source, interval, watermark, recent_bars, updated_at) VALUES
    ('AAA', 'a', '1min', '2026-05-15 13:31Z', '{}', '2026-05-15 14:02Z'),
    ('BTCUSD', 'a', '1min', '2026-05-15 14:01Z', '{}', '2026-05-15 14:02Z');
INSERT INTO market.bar_disagreements VALUES
    ('AAA', '2026-05-15 13:30Z', 'a', 'b', 10, 11, 9, 11, 11, 11.5, 11, 11.5, 200, '2026-05-15 14:00Z', NULL),
    ('AAA', '2026-05-15 13:31Z', 'a', 'b', 10, 11, 9, 11, 11, 11.5, 11, 11.5, 200, '2026-05-15 14:00Z', '2026-05-15 15:00Z'),
    ('AAA', '1990-01-02 15:00Z', 'a', 'b', 10, 11, 9, 11, 11, 11.5, 11, 11.5, 200, '1990-01-02 16:00Z', NULL);
INSERT INTO ops.quote_checks VALUES
    ('AAA', 'q', 'a', 12, '2026-05-15 13:32Z', '2026-05-15 13:31Z', 12, 'agrees', '2026-05-15 13:33Z'),
    ('BBB', 'q', 'a', 44, '2026-05-15 13:32Z', '2026-05-15 13:30Z', 40, 'price_differs', '2026-05-15 13:33Z');

-- Ten minutes ago, and more than a year.
INSERT INTO ops.batches (dataset, run_id, state, writer, submitted_at, started_at, committed_at)
SELECT 'bars', 'run', 'succeeded', 'driver', at, at + interval '2 seconds', at + interval '12 seconds'
  FROM unnest(ARRAY[now() - interval '10 minutes', now() - interval '400 days']) at;
INSERT INTO ops.batch_ranges (batch_id, topic, partition, start_offset, end_offset, messages, dead_letters, duplicates, applied)
SELECT min(batch_id), 't', partition, 0, 10, 10, partition, 2, 8 - partition FROM ops.batches, generate_series(0, 1) partition
 GROUP BY partition;
INSERT INTO ops.dead_letters
SELECT 't', 0, kafka_offset, kafka_ts, batch_id, reason, 'detail', NULL
  FROM (SELECT min(batch_id) AS batch_id FROM ops.batches) b,
       (VALUES (1, timestamptz '2026-05-15 10:00Z', 'bad price'), (2, '2026-05-15 23:59Z', 'bad price'),
               (3, '2026-05-14 10:00Z', 'no symbol'), (4, '1990-01-02 10:00Z', 'no symbol')) d (kafka_offset, kafka_ts, reason);
