-- From any row of market, analytics and reports back to the messages, the run and the code that made it
-- (sql/ops/lineage/README.md).
-- depends: 0025_redrives

ALTER TABLE ops.batches ADD COLUMN dag_id text, ADD COLUMN code_version text;
ALTER TABLE ops.daily_builds ADD COLUMN dag_id text;
ALTER TABLE ops.detections ADD COLUMN dag_id text;
COMMENT ON COLUMN ops.batches.dag_id IS 'Whose task started the job; null where a person did.';
COMMENT ON COLUMN ops.batches.code_version IS 'Digest of the code and the SQL that the rows follow from; null before migration 0026.';
COMMENT ON COLUMN ops.daily_builds.dag_id IS 'Whose task started the job; null where a person did.';
COMMENT ON COLUMN ops.detections.dag_id IS 'Whose task started the job; null where a person did.';

-- Messages come almost in the order of their bars: the range of ts of each few pages finds a bar's, and costs the loader
-- next to nothing, which a b-tree over every message would not.
CREATE INDEX ON raw.bars USING brin (ts) WITH (pages_per_range = 16, autosummarize = on);
CREATE INDEX ON raw.news (article_id);

-- What a row of a table is made of; null for a table whose rows do not come from messages.
CREATE FUNCTION ops.lineage_kind(relation text) RETURNS text
LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN relation IN ('market.bars_1m', 'market.bar_versions', 'market.bar_revisions', 'market.adjusted_bars_1m',
                      'market.session_bars_1m', 'reports.bars_1m', 'reports.latest_bars', 'reports.adjusted_bars_1m',
                      'reports.revised_bars') THEN 'bar'
    WHEN relation IN ('market.consensus_bars_1m', 'market.bar_disagreements', 'reports.vendor_disagreements') THEN 'minute'
    WHEN relation IN ('analytics.indicators_1m', 'reports.indicators_1m') THEN 'indicators'
    WHEN relation IN ('analytics.session_indicators_1m', 'reports.session_indicators_1m') THEN 'session indicators'
    WHEN relation IN ('analytics.bars_5m', 'analytics.bars_1h', 'analytics.bars_session', 'analytics.rolled_up_bars',
                      'reports.bars_5m', 'reports.bars_1h', 'reports.bars_session') THEN 'roll-up'
    WHEN relation IN ('market.corporate_actions', 'market.corporate_action_versions', 'reports.corporate_actions')
        THEN 'action'
    WHEN relation IN ('market.articles', 'market.article_versions', 'market.article_tickers', 'market.story_tickers',
                      'reports.news') THEN 'article'
    WHEN relation IN ('analytics.sentiment_1h', 'reports.sentiment_1h', 'reports.sentiment_and_returns') THEN 'sentiment'
    WHEN relation IN ('analytics.anomalies', 'reports.anomalies') THEN 'anomaly'
    WHEN relation IN ('analytics.portfolio_daily', 'analytics.portfolio_positions', 'analytics.portfolio_correlations',
                      'analytics.portfolio_risk', 'analytics.var_backtests', 'reports.portfolio_daily',
                      'reports.portfolio_positions', 'reports.portfolio_correlations', 'reports.portfolio_risk',
                      'reports.var_backtests') THEN 'portfolio'
    WHEN relation IN ('analytics.forecasts', 'reports.forecasts') THEN 'forecast'
END;

-- The bars of which a row was computed, or which it shows, as they stand now.
CREATE FUNCTION ops.lineage_bars(kind text, relation text, key jsonb) RETURNS SETOF market.bars_1m
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    of_symbol CONSTANT text := key ->> 'symbol';
    of_source CONSTANT text := key ->> 'source';
    at        CONSTANT timestamptz := key ->> 'ts';
    of_day    CONSTANT date := key ->> 'session';
    length    CONSTANT text := coalesce(key ->> 'length', substring(relation FROM 'bars_(.*)$'));
BEGIN
    CASE kind
    WHEN 'bar' THEN
        RETURN QUERY SELECT * FROM market.bars_1m b WHERE (b.symbol, b.source, b.ts) = (of_symbol, of_source, at);
    WHEN 'minute' THEN
        RETURN QUERY SELECT * FROM market.bars_1m b WHERE b.symbol = of_symbol AND b.ts = at;
    WHEN 'indicators' THEN
        -- The widest window: changes over 60 bars, and returns of 60, look at the 60 before this one.
        RETURN QUERY SELECT * FROM market.bars_1m b
                      WHERE b.symbol = of_symbol AND b.source = of_source AND b.ts <= at ORDER BY b.ts DESC LIMIT 61;
    WHEN 'session indicators' THEN
        RETURN QUERY SELECT b.* FROM market.bars_1m b JOIN market.session_bars_1m s USING (symbol, source, ts)
                      WHERE s.symbol = of_symbol AND s.source = of_source AND s.session = of_day AND s.ts <= at;
    WHEN 'roll-up' THEN
        RETURN QUERY SELECT b.* FROM market.bars_1m b JOIN market.session_bars_1m s USING (symbol, source, ts)
                      WHERE s.symbol = of_symbol AND s.source = of_source AND s.session = of_day
                        AND CASE length WHEN '5m' THEN date_bin('5 minutes', s.ts, s.stretch_from)
                                        WHEN '1h' THEN date_bin('1 hour', s.ts, s.stretch_from)
                                        ELSE s.opens_at END = at;
    WHEN 'anomaly' THEN
        RETURN QUERY SELECT b.* FROM market.bars_1m b
                       JOIN analytics.anomalies a ON b.symbol = a.symbol AND b.source IN (a.source, a.other_source)
                                                 AND b.ts >= a.ts AND b.ts < greatest(a.detected_ts, a.ended_ts)
                      WHERE a.symbol = of_symbol AND a.source = of_source AND a.kind = key ->> 'kind' AND a.ts = at
                        AND a.other_source = coalesce(key ->> 'other_source', '');
    WHEN 'portfolio' THEN
        -- The last minute in which any source has a bar of what is held, of the session that the price is of.
        RETURN QUERY SELECT b.* FROM analytics.portfolio_positions p
                       JOIN market.portfolios f USING (portfolio)
                       JOIN market.instruments i ON i.symbol = f.benchmark
                       JOIN market.sessions d ON d.calendar = i.calendar AND d.session = p.priced_on
                      CROSS JOIN LATERAL (SELECT max(t.ts) AS ts FROM market.bars_1m t
                                           WHERE t.symbol = p.symbol AND t.ts >= lower(d.hours) AND t.ts < upper(d.hours)
                                             AND t.ts <@ d.hours) last
                       JOIN market.bars_1m b ON b.symbol = p.symbol AND b.ts = last.ts
                      WHERE p.portfolio = key ->> 'portfolio' AND p.session = of_day
                        AND p.symbol IN (coalesce(of_symbol, p.symbol), key ->> 'other_symbol');
    WHEN 'forecast' THEN
        RETURN QUERY SELECT b.* FROM analytics.forecasts f
                       JOIN market.bars_1m b USING (symbol, source)
                       JOIN market.session_bars_1m s USING (symbol, source, ts, session)
                      WHERE f.symbol = of_symbol AND f.source = of_source AND f.quantity = key ->> 'quantity'
                        AND f.for_session = (key ->> 'for_session')::date AND f.model = key ->> 'model';
    ELSE
        NULL;
    END CASE;
END
$$;

-- The fields of the message, of a row of raw: without its place, and without what ops.lineage adds.
CREATE FUNCTION ops.lineage_message(stored jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE
RETURN stored - '{topic,partition,kafka_offset,kafka_ts,batch_id,is_asked,copy}'::text[];

CREATE FUNCTION ops.lineage(relation text, key jsonb)
RETURNS TABLE (part text, of_table text, of_key jsonb, batch_id bigint, dag_id text, run_id text, code_version text,
               done_at timestamptz, topic text, "partition" integer, kafka_offset bigint, kafka_ts timestamptz,
               published_by text, message jsonb)
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
    of_kind CONSTANT text := ops.lineage_kind(relation);
    of_name CONSTANT text := split_part(relation, '.', 2);
    -- Which version of a bar, an action or an article; the one that stands where the key does not say.
    asked   CONSTANT timestamptz := coalesce(key ->> 'fetched_at', key ->> 'known_from');
BEGIN
    IF of_kind IS NULL THEN
        RAISE EXCEPTION 'The rows of % do not come from messages', relation
              USING HINT = 'The tables that ops.lineage knows are in sql/ops/lineage/README.md.';
    END IF;
    RETURN QUERY
    WITH bars AS MATERIALIZED (
        SELECT * FROM ops.lineage_bars(of_kind, relation, key)
    ), bar_versions AS MATERIALIZED (
        SELECT b.*, b.fetched_at = coalesce(asked, b.fetched_at) AS is_asked FROM bars b
        UNION ALL
        SELECT r.*, r.fetched_at IS NOT DISTINCT FROM asked
          FROM bars b
          JOIN market.bar_revisions r USING (symbol, source, ts)
         WHERE of_kind = 'bar'
    ), bar_messages AS MATERIALIZED (
        SELECT m.*, v.is_asked,
               row_number() OVER (PARTITION BY m.symbol, m.source, m.ts, m.fetched_at, v.open, v.high, v.low, v.close, v.volume
                                  ORDER BY m.batch_id, m.topic, m.partition, m.kafka_offset) AS copy
          FROM bars b
          JOIN raw.bars m ON (m.symbol, m.source, m.ts) = (b.symbol, b.source, b.ts)
          LEFT JOIN bar_versions v
            ON (v.symbol, v.source, v.ts, v.fetched_at) = (m.symbol, m.source, m.ts, m.fetched_at)
           AND (v.open, v.high, v.low, v.close, v.volume)
             = (m.open::numeric, m.high::numeric, m.low::numeric, m.close::numeric, m.volume::numeric)
         WHERE m.ts BETWEEN (SELECT min(ts) FROM bars) AND (SELECT max(ts) FROM bars)
    ), articles AS MATERIALIZED (
        SELECT a.article_id, coalesce(asked, a.known_from) AS known_from
          FROM market.articles a
         WHERE of_kind = 'article' AND a.article_id = key ->> 'article_id'
        UNION ALL
        SELECT a.article_id, a.known_from
          FROM market.article_tickers t
          JOIN market.articles a USING (article_id)
         WHERE of_kind = 'sentiment' AND t.symbol = key ->> 'symbol'
           AND a.published_at > (key ->> 'hour_end')::timestamptz - interval '48 hours'
           AND a.published_at <= (key ->> 'hour_end')::timestamptz
    ), article_messages AS MATERIALIZED (
        SELECT m.*, m.fetched_at = a.known_from AS is_asked,
               row_number() OVER (PARTITION BY m.article_id, m.fetched_at
                                  ORDER BY m.batch_id, m.topic, m.partition, m.kafka_offset) AS copy
          FROM articles a
          JOIN raw.news m USING (article_id)
    ), action_messages AS (
        SELECT m.*, (m.source, m.fetched_at) = (coalesce(key ->> 'source', c.source), coalesce(asked, c.fetched_at)) AS is_asked,
               row_number() OVER (PARTITION BY m.source, m.fetched_at, m.effective_at, m.value::numeric, m.currency
                                  ORDER BY m.batch_id, m.topic, m.partition, m.kafka_offset) AS copy
          FROM market.corporate_actions c
          JOIN raw.actions m USING (symbol, kind, ex_date)
         WHERE of_kind = 'action' AND symbol = key ->> 'symbol' AND kind = key ->> 'kind'
           AND ex_date = (key ->> 'ex_date')::date
    ), messages AS (
        SELECT CASE WHEN m.copy > 1 OR m.is_asked IS NULL THEN 'duplicate' WHEN m.is_asked THEN 'made' ELSE 'other_version' END
               AS part,
               'market.bars_1m' AS of_table, jsonb_build_object('symbol', m.symbol, 'source', m.source, 'ts', m.ts) AS of_key,
               m.batch_id, m.topic, m.partition, m.kafka_offset, m.kafka_ts, m.run_id, ops.lineage_message(to_jsonb(m)) AS message
          FROM bar_messages m
         WHERE of_kind = 'bar'
        UNION ALL
        SELECT 'input', 'market.bars_1m', jsonb_build_object('symbol', b.symbol, 'source', b.source, 'ts', b.ts),
               m.batch_id, m.topic, m.partition, m.kafka_offset, m.kafka_ts, m.run_id, ops.lineage_message(to_jsonb(m))
          FROM bars b
          LEFT JOIN bar_messages m
            ON (m.symbol, m.source, m.ts) = (b.symbol, b.source, b.ts) AND m.is_asked AND m.copy = 1
         WHERE of_kind <> 'bar'
        UNION ALL
        SELECT CASE WHEN m.copy > 1 THEN 'duplicate' WHEN m.is_asked THEN 'made'
                    WHEN EXISTS (SELECT FROM market.article_versions v
                                  WHERE v.article_id = m.article_id AND v.known_from = m.fetched_at) THEN 'other_version'
                    ELSE 'duplicate' END,
               'market.articles', jsonb_build_object('article_id', m.article_id),
               m.batch_id, m.topic, m.partition, m.kafka_offset, m.kafka_ts, m.run_id, ops.lineage_message(to_jsonb(m))
          FROM article_messages m
         WHERE of_kind = 'article'
        UNION ALL
        SELECT 'input', 'market.articles', jsonb_build_object('article_id', a.article_id),
               m.batch_id, m.topic, m.partition, m.kafka_offset, m.kafka_ts, m.run_id, ops.lineage_message(to_jsonb(m))
          FROM articles a
          LEFT JOIN article_messages m ON m.article_id = a.article_id AND m.is_asked AND m.copy = 1
         WHERE of_kind = 'sentiment'
        UNION ALL
        SELECT CASE WHEN m.copy > 1 THEN 'duplicate' WHEN m.is_asked THEN 'made'
                    WHEN EXISTS (SELECT FROM market.corporate_action_versions v
                                  WHERE (v.symbol, v.kind, v.ex_date, v.source, v.known_from)
                                      = (m.symbol, m.kind, m.ex_date, m.source, m.fetched_at)) THEN 'other_version'
                    ELSE 'duplicate' END,
               'market.corporate_actions', jsonb_build_object('symbol', m.symbol, 'kind', m.kind, 'ex_date', m.ex_date),
               m.batch_id, m.topic, m.partition, m.kafka_offset, m.kafka_ts, m.run_id, ops.lineage_message(to_jsonb(m))
          FROM action_messages m
    ), builds AS (
        SELECT 'build' AS part, build_id
          FROM (SELECT portfolio, session, build_id, NULL::text AS symbol, NULL::text AS method, NULL::numeric AS confidence,
                       'portfolio_daily' AS made_in
                  FROM analytics.portfolio_daily
                UNION ALL
                SELECT portfolio, session, build_id, symbol, NULL, NULL, 'portfolio_positions' FROM analytics.portfolio_positions
                UNION ALL
                SELECT portfolio, session, build_id, symbol, NULL, NULL, 'portfolio_correlations'
                  FROM analytics.portfolio_correlations
                 WHERE other_symbol = key ->> 'other_symbol'
                UNION ALL
                SELECT portfolio, session, build_id, NULL, method, confidence, 'portfolio_risk' FROM analytics.portfolio_risk
                UNION ALL
                SELECT portfolio, session, build_id, NULL, method, confidence, 'var_backtests' FROM analytics.var_backtests) r
         WHERE of_kind = 'portfolio' AND made_in = of_name
           AND portfolio = key ->> 'portfolio' AND session = (key ->> 'session')::date
           AND symbol IS NOT DISTINCT FROM key ->> 'symbol' AND method IS NOT DISTINCT FROM key ->> 'method'
           AND confidence IS NOT DISTINCT FROM (key ->> 'confidence')::numeric
        UNION ALL
        SELECT made.part, made.build_id
          FROM analytics.forecasts f
         CROSS JOIN LATERAL (VALUES ('build', f.build_id), ('outcome_build', f.outcome_build_id)) made (part, build_id)
         WHERE of_kind = 'forecast' AND f.symbol = key ->> 'symbol' AND f.source = key ->> 'source'
           AND f.quantity = key ->> 'quantity' AND f.for_session = (key ->> 'for_session')::date AND f.model = key ->> 'model'
    )
    SELECT m.part, m.of_table, m.of_key, m.batch_id, b.dag_id, b.run_id, b.code_version, b.committed_at,
           m.topic, m.partition, m.kafka_offset, m.kafka_ts, m.run_id, m.message
      FROM messages m
      LEFT JOIN ops.batches b USING (batch_id)
    UNION ALL
    SELECT b.part, relation, key, NULL, d.dag_id, d.run_id, d.code_version, d.built_at, NULL, NULL, NULL, NULL, NULL,
           jsonb_build_object('session', d.session, 'first_session', d.first_session, 'newest_bar', d.newest_bar)
      FROM builds b
      JOIN ops.daily_builds d USING (build_id)
    UNION ALL
    SELECT 'detection', relation, key, NULL, d.dag_id, d.run_id, d.code_version, d.started_at, NULL, NULL, NULL, NULL, NULL,
           a.evidence
      FROM analytics.anomalies a
      JOIN ops.detections d USING (detection_id)
     WHERE of_kind = 'anomaly' AND a.symbol = key ->> 'symbol' AND a.source = key ->> 'source'
       AND a.kind = key ->> 'kind' AND a.ts = (key ->> 'ts')::timestamptz
       AND a.other_source = coalesce(key ->> 'other_source', '')
     ORDER BY 1, 3, 8, 9, 10, 11;
END
$$;
COMMENT ON FUNCTION ops.lineage IS 'Where a row comes from: sql/ops/lineage/README.md.';

REVOKE ALL ON FUNCTION ops.lineage_kind, ops.lineage_bars, ops.lineage_message, ops.lineage FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ops.lineage_kind, ops.lineage_bars, ops.lineage_message, ops.lineage TO marketpulse_loader;
