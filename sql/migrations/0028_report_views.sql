-- What questions of reports/ read and no view has told so far.
-- depends: 0027_hops

-- Each instrument from each source that has bars of it, by looks into the index of bars.
CREATE VIEW reports.series AS
SELECT i.symbol, i.name, i.kind, i.currency, i.calendar, known.source, oldest.ts AS oldest_bar, newest.ts AS newest_bar
  FROM market.instruments i
 CROSS JOIN LATERAL (
        WITH RECURSIVE sources (source) AS (
            (SELECT b.source FROM market.bars_1m b WHERE b.symbol = i.symbol ORDER BY b.source LIMIT 1)
            UNION ALL
            SELECT (SELECT b.source FROM market.bars_1m b WHERE b.symbol = i.symbol AND b.source > s.source
                     ORDER BY b.source LIMIT 1)
              FROM sources s
             WHERE s.source IS NOT NULL
        )
        SELECT source FROM sources WHERE source IS NOT NULL) known
 CROSS JOIN LATERAL (SELECT b.ts FROM market.bars_1m b WHERE b.symbol = i.symbol AND b.source = known.source
                      ORDER BY b.ts LIMIT 1) oldest
 CROSS JOIN LATERAL (SELECT b.ts FROM market.bars_1m b WHERE b.symbol = i.symbol AND b.source = known.source
                      ORDER BY b.ts DESC LIMIT 1) newest;

-- Where each series stands in its newest session, and against the last regular close before it, in today's shares.
CREATE VIEW reports.market_now AS
SELECT s.symbol, s.name, s.kind, s.currency, s.source, s.newest_bar, today.session, so_far.price, before.close AS close_before,
       (so_far.price / before.close - 1)::double precision AS change, so_far.high, so_far.low, so_far.volume,
       so_far.traded_value
  FROM reports.series s
  LEFT JOIN LATERAL (
        SELECT d.session, lower(d.hours) AS opens_at
          FROM market.sessions d
         WHERE d.calendar = s.calendar AND lower(d.hours) <= s.newest_bar
         ORDER BY d.session DESC LIMIT 1) today ON true
  LEFT JOIN LATERAL (
        SELECT (array_agg(b.close ORDER BY b.ts DESC))[1] AS price, max(b.high) AS high, min(b.low) AS low,
               sum(b.volume) AS volume, sum(b.close * b.volume) AS traded_value
          FROM market.bars_1m b
         WHERE b.symbol = s.symbol AND b.source = s.source AND b.ts >= coalesce(today.opens_at, s.newest_bar)) so_far ON true
  LEFT JOIN LATERAL (
        SELECT b.close / (SELECT market.product(a.ratio ORDER BY a.ex_date)
                            FROM market.corporate_actions a
                           WHERE a.symbol = s.symbol AND a.kind = 'split'
                             AND a.effective_at > b.ts AND a.effective_at <= s.newest_bar) AS close
          FROM market.bars_1m b
         WHERE b.symbol = s.symbol AND b.source = s.source
           AND b.ts < (SELECT upper(d.hours) FROM market.sessions d
                        WHERE d.calendar = s.calendar AND d.session < today.session
                        ORDER BY d.session DESC LIMIT 1)
         ORDER BY b.ts DESC LIMIT 1) before ON true;

-- Name a range of published_at: it reaches the index.
CREATE VIEW reports.news AS
SELECT t.symbol, i.name, t.published_at, a.headline, a.publisher, a.url, t.source, t.sentiment::double precision AS sentiment,
       t.sentiment_by, t.relevance::double precision AS relevance, t.article_id, t.story_id
  FROM market.article_tickers t
  JOIN market.articles a USING (article_id)
  JOIN market.instruments i ON i.symbol = t.symbol;

CREATE VIEW reports.sentiment_1h AS
SELECT s.symbol, i.name, s.hour_end, s.stories, s.mean_sentiment, s.decayed_sentiment
  FROM analytics.sentiment_1h s
  JOIN market.instruments i USING (symbol);

CREATE VIEW reports.portfolios AS
SELECT portfolio, name, currency, benchmark FROM market.portfolios;

-- Each series that is polled: how old its newest bar is, and whether its market is open, so that it should be young.
CREATE VIEW reports.freshness AS
SELECT s.symbol, s.name, s.source, s.newest_bar,
       extract(epoch FROM now() - s.newest_bar - interval '1 minute')::double precision AS age_seconds,
       EXISTS (SELECT FROM market.sessions d
                WHERE d.calendar = s.calendar
                  AND d.session BETWEEN current_date - 1 AND current_date + 1 AND d.hours @> now()) AS is_open,
       w.updated_at AS asked_at
  FROM reports.series s
  JOIN ops.source_watermarks w ON w.symbol = s.symbol AND w.source = s.source;

-- Without the bytes, which are for engineers.
CREATE VIEW reports.dead_letters AS
SELECT topic, partition, kafka_offset, kafka_ts, batch_id, reason, detail FROM ops.dead_letters;

-- Name a range of started_at: it reaches the index.
CREATE VIEW reports.batches AS
SELECT b.batch_id, b.dataset, b.state, b.submitted_at, b.started_at, b.committed_at, b.newest_bar,
       extract(epoch FROM b.committed_at - b.submitted_at)::double precision AS seconds,
       coalesce(r.messages, 0) AS messages, coalesce(r.applied, 0) AS applied, coalesce(r.duplicates, 0) AS duplicates,
       coalesce(r.dead_letters, 0) AS dead_letters, b.error
  FROM ops.batches b
  LEFT JOIN LATERAL (SELECT sum(messages)::bigint AS messages, sum(applied)::bigint AS applied,
                            sum(duplicates)::bigint AS duplicates, sum(dead_letters)::bigint AS dead_letters
                       FROM ops.batch_ranges WHERE batch_id = b.batch_id) r ON true;
CREATE INDEX ON ops.batches (started_at);

GRANT SELECT ON reports.series, reports.market_now, reports.news, reports.sentiment_1h, reports.portfolios, reports.freshness,
                reports.dead_letters, reports.batches TO marketpulse_reader, marketpulse_loader;
