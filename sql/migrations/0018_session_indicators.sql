-- What a bar is worth beside its session so far and beside the same minute of earlier ones: a view (docs/adr/0010).
-- depends: 0017_rollups

-- vwap: Σ typical · volume / Σ volume over the session's bars up to this one, typical = (high + low + close) / 3; in
-- units of the price, in the bar's shares; null until something was traded. Source: Berkowitz, Logue and Noser, The
-- Total Cost of Transactions on the NYSE, The Journal of Finance 43 (1988), over bars in place of trades.
-- relative_volume: the bar's volume / the mean volume of the same minute, counted from the opening, of those of the 20
-- earlier sessions that have it, brought to the bar's shares; null until 5 have. 1 is usual. Source: Jain and Joh, The
-- Dependence between Hourly Prices and Trading Volume, Journal of Financial and Quantitative Analysis 23 (1988).
-- Name symbol, source and session (or a range of it): they reach the indexes.
CREATE VIEW analytics.session_indicators_1m AS
SELECT b.symbol, b.source, b.session, b.ts, b.vwap,
       (WITH splits AS MATERIALIZED (
            SELECT effective_at, ex_date, ratio FROM market.corporate_actions WHERE symbol = b.symbol AND kind = 'split'
        )
        SELECT CASE WHEN count(*) >= 5
                    THEN b.volume / nullif(avg(e.volume * (
                         SELECT market.product(a.ratio ORDER BY a.ex_date)
                           FROM splits a
                          WHERE a.effective_at > e.ts AND a.effective_at <= b.ts)), 0)
               END
          FROM (SELECT s.hours
                  FROM market.sessions s
                 WHERE s.calendar = b.calendar AND s.session < b.session
                 ORDER BY s.session DESC
                 LIMIT 20) earlier
          JOIN market.bars_1m e ON e.symbol = b.symbol AND e.source = b.source
                               AND e.ts = lower(earlier.hours) + (b.ts - b.opens_at) AND earlier.hours @> e.ts
       )::double precision AS relative_volume
  FROM (SELECT symbol, source, calendar, session, opens_at, ts, volume,
               (sum((high + low + close) * volume) OVER so_far
                / nullif(3 * sum(volume) OVER so_far, 0))::double precision AS vwap
          FROM market.session_bars_1m
        WINDOW so_far AS (PARTITION BY symbol, source, calendar, session, opens_at ORDER BY ts)) b;
COMMENT ON COLUMN analytics.session_indicators_1m.vwap IS 'Mean price of the session so far, weighted by volume.';
COMMENT ON COLUMN analytics.session_indicators_1m.relative_volume IS 'Of the same minute of earlier sessions: 1 is usual.';

CREATE VIEW reports.session_indicators_1m AS
SELECT i.name, i.currency, b.* FROM analytics.session_indicators_1m b JOIN market.instruments i USING (symbol);

GRANT SELECT ON analytics.session_indicators_1m TO marketpulse_loader;
GRANT SELECT ON reports.session_indicators_1m TO marketpulse_reader, marketpulse_loader;
