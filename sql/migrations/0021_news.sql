-- News: what each source said of each article, what is true of it, which articles are one story, and how stories sound.
-- depends: 0020_portfolio

-- Every message of the topic that keeps the contract, as received.
CREATE TABLE raw.news (
    topic        text        NOT NULL,
    partition    integer     NOT NULL,
    kafka_offset bigint      NOT NULL,
    kafka_ts     timestamptz NOT NULL,
    batch_id     bigint      NOT NULL,
    article_id   text        NOT NULL,
    source       text        NOT NULL,
    url          text        NOT NULL,
    publisher    text        NOT NULL,
    headline     text        NOT NULL,
    summary      text        NOT NULL,
    published_at timestamptz NOT NULL,
    tickers      json        NOT NULL,
    sentiment    text,
    fetched_at   timestamptz NOT NULL,
    run_id       text        NOT NULL,
    UNIQUE (topic, partition, kafka_offset, kafka_ts)
) PARTITION BY RANGE (kafka_ts);

-- As raw.ensure_bars_day (0003_raw), of either table.
CREATE FUNCTION raw.ensure_day(parent text, day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    partition_name text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF parent NOT IN ('bars', 'news') THEN
        RAISE EXCEPTION 'raw.% has no days', parent;
    END IF;
    IF to_regclass('raw.' || partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('LOCK TABLE raw.%I IN SHARE UPDATE EXCLUSIVE MODE', parent);
    IF to_regclass('raw.' || partition_name) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('CREATE TABLE raw.%I (LIKE raw.%I INCLUDING ALL)', partition_name, parent);
    EXECUTE format('ALTER TABLE raw.%I ATTACH PARTITION raw.%I FOR VALUES FROM (%L) TO (%L)',
                   parent, partition_name, day::text || ' 00:00:00+00', (day + 1)::text || ' 00:00:00+00');
    RETURN true;
END
$$;
DROP FUNCTION raw.ensure_bars_day(date);

-- Each distinct observation of an article; what is true follows from this set, so that no order of arrival matters.
CREATE TABLE ops.article_observations (
    article_id   text        NOT NULL,
    fetched_at   timestamptz NOT NULL,
    version      text        NOT NULL,
    source       text        NOT NULL,
    url          text        NOT NULL,
    publisher    text        NOT NULL,
    headline     text        NOT NULL,
    headline_key text        NOT NULL,
    summary      text        NOT NULL,
    published_at timestamptz NOT NULL,
    tickers      jsonb       NOT NULL,
    sentiment    numeric,
    vader        double precision,
    PRIMARY KEY (article_id, fetched_at, version)
);
COMMENT ON COLUMN ops.article_observations.version IS 'Digest of the values: equal for equal ones.';
COMMENT ON COLUMN ops.article_observations.headline_key IS 'Digest of the headline''s letters and digits.';
COMMENT ON COLUMN ops.article_observations.sentiment IS 'The vendor''s score for the whole article; null where it gives none.';
COMMENT ON COLUMN ops.article_observations.vader IS 'VADER''s score of the text, where the vendor scores neither the article nor each ticker.';

-- What was known when: the first of each run of equal observations, as for bars (docs/adr/0001).
CREATE VIEW market.article_versions AS
SELECT article_id, source, url, publisher, headline, headline_key, summary, published_at, tickers, sentiment, vader,
       fetched_at AS known_from,
       lead(fetched_at) OVER (PARTITION BY article_id ORDER BY fetched_at, version) AS known_until
  FROM (SELECT *, lag(version) OVER (PARTITION BY article_id ORDER BY fetched_at, version) IS DISTINCT FROM version
                  AS is_version
          FROM ops.article_observations) observed
 WHERE is_version;
COMMENT ON COLUMN market.article_versions.known_until IS 'When the source said otherwise; null for what it says now.';

-- Current truth: the newest version of each article, and the story it belongs to.
CREATE TABLE market.articles (
    article_id   text        PRIMARY KEY,
    source       text        NOT NULL,
    url          text        NOT NULL,
    publisher    text        NOT NULL,
    headline     text        NOT NULL,
    headline_key text        NOT NULL,
    summary      text        NOT NULL,
    published_at timestamptz NOT NULL,
    tickers      jsonb       NOT NULL,
    sentiment    numeric,
    vader        double precision,
    known_from   timestamptz NOT NULL,
    story_id     text        NOT NULL
);
CREATE INDEX ON market.articles (headline_key, published_at);
CREATE INDEX ON market.articles (story_id);
CREATE INDEX ON market.articles (published_at);
COMMENT ON COLUMN market.articles.known_from IS 'When these values were first known.';
COMMENT ON COLUMN market.articles.story_id IS 'Its first article: the same headline, from any source, each within 24 hours of the one before.';

-- Name article_id or a range of published_at: they reach the indexes.
CREATE VIEW market.article_tickers AS
SELECT a.article_id, a.story_id, t.symbol, a.source, a.published_at, t.relevance,
       coalesce(t.sentiment, a.sentiment, a.vader::numeric) AS sentiment,
       CASE WHEN t.sentiment IS NOT NULL THEN 'vendor_ticker'
            WHEN a.sentiment IS NOT NULL THEN 'vendor'
            ELSE 'vader' END AS sentiment_by
  FROM market.articles a
 CROSS JOIN LATERAL jsonb_to_recordset(a.tickers) AS t (symbol text, relevance numeric, sentiment numeric);
COMMENT ON COLUMN market.article_tickers.relevance IS '0 to 1; null where the vendor gives none.';
COMMENT ON COLUMN market.article_tickers.sentiment IS '-1 (bearish) to 1 (bullish).';
COMMENT ON COLUMN market.article_tickers.sentiment_by IS 'Whose score it is: the vendor''s for this symbol, else its score for the article, else VADER''s.';

-- A story counts once for each symbol that it names: by its first article that does. Name story_id: it reaches the index.
CREATE VIEW market.story_tickers AS
SELECT DISTINCT ON (story_id, symbol) *
  FROM market.article_tickers
 ORDER BY story_id, symbol, published_at, source COLLATE "C", article_id;

-- Formulas in spark_jobs/marketpulse_spark/transforms/sentiment.py.
CREATE TABLE analytics.sentiment_1h (
    symbol            text        NOT NULL,
    hour_end          timestamptz NOT NULL,
    stories           integer     NOT NULL,
    mean_sentiment    double precision,
    decayed_sentiment double precision,
    PRIMARY KEY (symbol, hour_end)
);
CREATE INDEX ON analytics.sentiment_1h (hour_end);
COMMENT ON COLUMN analytics.sentiment_1h.hour_end IS 'When the values are known; of an hour that has not ended they are what is known so far.';
COMMENT ON COLUMN analytics.sentiment_1h.stories IS 'Published in this hour.';

-- The dataset's own lock or the others': a load that is at work would go on counting.
CREATE OR REPLACE FUNCTION ops.retire_topic(retired text) RETURNS text
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    kept_as text;
BEGIN
    IF NOT (pg_try_advisory_xact_lock(hashtext('load:bars')) AND pg_try_advisory_xact_lock(hashtext('load:news'))) THEN
        RAISE EXCEPTION 'A load is at work: pause load_bars and load_news, wait until both have ended, and try again';
    END IF;
    SELECT retired || '@' || min(topic_id) || '@' || to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYYMMDD"T"HH24MISS')
      INTO kept_as FROM ops.kafka_offsets WHERE topic = retired;
    IF kept_as IS NULL THEN
        RAISE EXCEPTION 'The ledger has no topic %', retired;
    END IF;
    UPDATE raw.bars SET topic = kept_as WHERE topic = retired;
    UPDATE raw.actions SET topic = kept_as WHERE topic = retired;
    UPDATE raw.news SET topic = kept_as WHERE topic = retired;
    UPDATE ops.dead_letters SET topic = kept_as WHERE topic = retired;
    UPDATE ops.batch_ranges SET topic = kept_as WHERE topic = retired;
    DELETE FROM ops.kafka_offsets WHERE topic = retired;
    RETURN kept_as;
END
$$;

-- What was known at the end of each hour beside what the price did in the hour after it. A return needs bars in both
-- hours of the same source, so that no night is between them; it is null until the hour after it has ended.
CREATE VIEW reports.sentiment_and_returns AS
SELECT s.symbol, i.name, s.hour_end, s.stories, s.mean_sentiment, s.decayed_sentiment,
       prices.source, prices.close, prices.next_close, (prices.next_close / prices.close - 1)::float8 AS next_return
  FROM analytics.sentiment_1h s
  JOIN market.instruments i USING (symbol)
  LEFT JOIN LATERAL (
        SELECT b.source,
               (array_agg(b.close ORDER BY b.ts DESC) FILTER (WHERE b.ts < s.hour_end))[1] AS close,
               (array_agg(b.close ORDER BY b.ts DESC) FILTER (WHERE b.ts >= s.hour_end))[1] AS next_close
          FROM market.bars_1m b
         WHERE b.symbol = s.symbol
           AND b.ts >= s.hour_end - interval '1 hour' AND b.ts < s.hour_end + interval '1 hour'
         GROUP BY b.source) prices ON s.hour_end + interval '1 hour' <= now()
 WHERE s.hour_end <= now();
COMMENT ON COLUMN reports.sentiment_and_returns.source IS 'Of the bars; one row for each source that has some.';
COMMENT ON COLUMN reports.sentiment_and_returns.close IS 'The last before hour_end.';
COMMENT ON COLUMN reports.sentiment_and_returns.next_close IS 'The last before the end of the next hour.';

REVOKE ALL ON FUNCTION raw.ensure_day(text, date) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION raw.ensure_day(text, date) TO marketpulse_loader;
GRANT SELECT, INSERT ON raw.news, ops.article_observations TO marketpulse_loader;
GRANT SELECT, INSERT, UPDATE ON market.articles TO marketpulse_loader;
GRANT SELECT ON market.article_versions, market.article_tickers, market.story_tickers TO marketpulse_loader;
GRANT SELECT, INSERT, UPDATE, DELETE ON analytics.sentiment_1h TO marketpulse_loader;
GRANT SELECT ON reports.sentiment_and_returns TO marketpulse_reader, marketpulse_loader;
