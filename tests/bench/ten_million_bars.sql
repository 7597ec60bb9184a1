-- Three years of 20 shares and two of 4 coins, ten million bars up to now, and as much of everything else as comes with them.
TRUNCATE market.sessions, market.bars_1m, analytics.indicators_1m;
-- Filled in order and indexed afterwards: minutes in place of many.
ALTER TABLE market.bars_1m DROP CONSTRAINT bars_1m_pkey;
ALTER TABLE analytics.indicators_1m DROP CONSTRAINT indicators_1m_pkey;

INSERT INTO market.sessions
SELECT 'XNYS', day, tstzmultirange(tstzrange(day + time '14:30', day + time '21:00'))
  FROM (SELECT current_date - ago AS day FROM generate_series(1, 1092) ago) days
 WHERE extract(isodow FROM day) < 6
UNION ALL
SELECT '24/7', day, tstzmultirange(tstzrange(day, day + 1))
  FROM (SELECT current_date - ago AS day FROM generate_series(0, 730) ago) days;

-- A price that swings and drifts, each instrument at a pace of its own.
INSERT INTO market.bars_1m
SELECT symbol, 'alpha_vantage', ts, price, price * 1.001, price * 0.999, price * (1 + 0.001 * sin(minute)), 100 + minute % 900,
       ts + interval '1 minute'
  FROM (SELECT i.symbol, ts, (extract(epoch FROM ts) / 60)::bigint AS minute,
               round((100 + 20 * sin(extract(epoch FROM ts) / (86400 * (3 + ascii(i.symbol) % 7))))::numeric, 4) AS price
          FROM market.instruments i
          JOIN market.sessions s USING (calendar)
         CROSS JOIN LATERAL generate_series(lower(s.hours), upper(s.hours) - interval '1 minute', interval '1 minute') ts
         WHERE ts < now()
         ORDER BY 1, 2) minutes;
ALTER TABLE market.bars_1m ADD PRIMARY KEY (symbol, source, ts);

INSERT INTO analytics.indicators_1m (symbol, source, ts, sma_20, sma_60, bollinger_upper_20, bollinger_lower_20, rsi_14,
                                     realised_volatility_60)
SELECT symbol, source, ts, close, close, high, low, 50, 0.01 FROM market.bars_1m;
ALTER TABLE analytics.indicators_1m ADD PRIMARY KEY (symbol, source, ts);

-- The vendor corrects one bar in a thousand, and two vendors differ in one of ten thousand.
INSERT INTO market.bar_revisions
SELECT symbol, source, ts, open, high, low, open, volume, ts + interval '30 seconds'
  FROM market.bars_1m WHERE extract(epoch FROM ts)::bigint / 60 % 1000 = 0;
INSERT INTO market.bar_disagreements
SELECT symbol, ts, source, 'twelve_data', open, high, low, close, open, high, low, open, 5, ts + interval '1 hour',
       CASE WHEN extract(epoch FROM ts)::bigint / 60 % 20000 = 0 THEN ts + interval '2 hours' END
  FROM market.bars_1m WHERE extract(epoch FROM ts)::bigint / 60 % 10000 = 0;

INSERT INTO ops.action_observations
SELECT symbol, 'alpha_vantage', 'dividend', day, day + time '05:00', 0.25, 'USD', day - 30
  FROM market.instruments, generate_series(current_date - 1090, current_date, interval '91 days') d (at),
       LATERAL (SELECT d.at::date AS day) ex
 WHERE kind = 'equity'
UNION ALL
SELECT symbol, 'alpha_vantage', 'split', current_date - 200, current_date - 200 + time '05:00', 2, '', current_date - 230
  FROM market.instruments WHERE kind = 'equity';

INSERT INTO analytics.anomalies (symbol, source, kind, ts, detected_ts, score, evidence)
SELECT symbol, source, 'volume_burst', ts, ts + interval '1 minute', 4, '{}'
  FROM market.bars_1m WHERE extract(epoch FROM ts)::bigint / 60 % 2000 = 7;

INSERT INTO market.articles
SELECT 'n' || n, 'finnhub', 'https://news.example/' || n, 'Wire', 'Headline ' || n, 'k' || n, '', now() - n * interval '20 minutes',
       jsonb_build_array(jsonb_build_object('symbol', symbols[1 + n % 24], 'relevance', 0.5, 'sentiment', 0.1),
                         jsonb_build_object('symbol', symbols[1 + n % 23], 'relevance', 0.5, 'sentiment', -0.1)),
       NULL, NULL, now() - n * interval '20 minutes', 'n' || n
  FROM generate_series(1, 50000) n, (SELECT array_agg(symbol ORDER BY symbol) AS symbols FROM market.instruments) i;
INSERT INTO analytics.sentiment_1h
SELECT symbol, date_trunc('hour', now()) - n * interval '1 hour', n % 3, CASE WHEN n % 3 > 0 THEN 0.1 END, 0.2
  FROM market.instruments, generate_series(0, 17000) n;

INSERT INTO market.portfolios VALUES ('us_shares', 'US shares', 'USD', 'MSFT') ON CONFLICT DO NOTHING;
INSERT INTO ops.daily_builds (session, run_id, code_version, first_session) VALUES (current_date, 'bench', 'bench', current_date);
INSERT INTO analytics.portfolio_daily (portfolio, session, nav, cash, pnl, session_return, benchmark_return, volatility_21,
                                       volatility_63, drawdown_252, build_id)
SELECT 'us_shares', s.session, 1000, 0, -10, -0.01, 0.01, 0.2, 0.2, -0.1, b.build_id
  FROM market.sessions s, ops.daily_builds b
 WHERE s.calendar = 'XNYS';
INSERT INTO analytics.portfolio_positions
SELECT portfolio, d.session, symbol, 10, 1, d.session, 10, 0.05, 1, build_id
  FROM analytics.portfolio_daily d, market.instruments WHERE kind = 'equity';
INSERT INTO analytics.portfolio_correlations
SELECT portfolio, session, a.symbol, b.symbol, 0.5, build_id
  FROM analytics.portfolio_daily, market.instruments a, market.instruments b
 WHERE a.kind = 'equity' AND b.kind = 'equity' AND a.symbol < b.symbol;
INSERT INTO analytics.portfolio_risk
SELECT portfolio, session, method, confidence, session + 1, 5, 6, build_id
  FROM analytics.portfolio_daily, unnest('{historical,filtered}'::text[]) method, unnest('{0.95,0.99}'::numeric[]) confidence;
INSERT INTO analytics.var_backtests (portfolio, session, method, confidence, observations, exceedances, coverage_p, build_id)
SELECT portfolio, session, method, confidence, 250, 12, 0.5, build_id FROM analytics.portfolio_risk;
INSERT INTO analytics.forecasts (symbol, source, quantity, for_session, model, session, stands_from, made_at, value,
                                 training_sessions, coefficients, build_id, outcome)
SELECT i.symbol, 'alpha_vantage', m.quantity, s.session + 1, m.model, s.session, s.session + 1, now(), m.value, 250, '{}', b.build_id,
       m.outcome
  FROM market.instruments i
  JOIN market.sessions s USING (calendar)
 CROSS JOIN ops.daily_builds b
 CROSS JOIN (VALUES ('volatility', 'random_walk', 0.02, 0.01), ('volatility', 'har', 0.01, 0.01), ('volatility', 'ewma', 0.015, 0.01),
                    ('direction', 'random_walk', 0.5, 1), ('direction', 'logistic', 0.6, 1)) m (quantity, model, value, outcome);

INSERT INTO ops.coverage (symbol, source, session, expected_at, expected, present, untraded, missing_at)
SELECT i.symbol, 'alpha_vantage', s.session, s.hours, 390, 389, 0, '{}'
  FROM market.instruments i JOIN market.sessions s USING (calendar);
INSERT INTO ops.gaps (symbol, source, session, minutes, missing_at)
SELECT symbol, source, session, expected_at, expected_at FROM ops.coverage WHERE session = current_date - 3;
INSERT INTO ops.source_watermarks (symbol, source, interval, watermark, recent_bars)
SELECT symbol, 'alpha_vantage', '1min', now(), '{}' FROM market.instruments ON CONFLICT DO NOTHING;
INSERT INTO ops.quote_checks
SELECT symbol, 'finnhub', 'alpha_vantage', 1, now(), now(), 1, 'agrees', now() FROM market.instruments;
INSERT INTO ops.batches (dataset, run_id, state, writer, submitted_at, started_at, committed_at)
SELECT 'bars', 'bench', 'succeeded', 'driver', at, at, at + interval '6 seconds'
  FROM generate_series(now() - interval '200 days', now(), interval '1 minute') at;
INSERT INTO ops.batch_ranges (batch_id, topic, partition, start_offset, end_offset, messages, dead_letters, duplicates, applied)
SELECT batch_id, 't', partition, 10 * batch_id, 10 * batch_id + 10, 10, 0, 2, 8 FROM ops.batches, generate_series(0, 1) partition;
INSERT INTO ops.dead_letters
SELECT 't', 0, batch_id, started_at, batch_id, 'bad price', 'bench', NULL FROM ops.batches WHERE batch_id % 10 = 0;
