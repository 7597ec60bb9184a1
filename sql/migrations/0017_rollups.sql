-- Bars of 5 minutes, hours and sessions, and what counts from a session's opening: views (docs/adr/0010).
-- depends: 0016_indicators

-- The stretches of a session. Not unnest itself: the planner takes that for a hundred rows, and reads whole series.
CREATE FUNCTION market.stretches(hours tstzmultirange) RETURNS SETOF tstzrange
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE ROWS 2 AS $$ SELECT unnest(hours) $$;

-- The bars of regular trading with their session and the stretch of it that they are in: a lunch break cuts it in two.
CREATE VIEW market.session_bars_1m AS
SELECT b.symbol, b.source, i.calendar, s.session, lower(s.hours) AS opens_at, lower(stretch) AS stretch_from,
       b.ts, b.open, b.high, b.low, b.close, b.volume
  FROM market.instruments i
  JOIN market.sessions s USING (calendar)
 CROSS JOIN LATERAL market.stretches(s.hours) stretch
  JOIN market.bars_1m b ON b.symbol = i.symbol AND b.ts >= lower(stretch) AND b.ts < upper(stretch);

-- Bars of each length, counted from the opening and anew after a lunch break, so that none reaches over a border; in
-- today's shares, like market.adjusted_bars_1m. A split takes effect between sessions: no bar has shares of two kinds.
CREATE VIEW analytics.rolled_up_bars AS
SELECT r.length, r.symbol, r.source, r.session, r.ts,
       round(r.open / f.split_factor, 8) AS open, round(r.high / f.split_factor, 8) AS high,
       round(r.low / f.split_factor, 8) AS low, round(r.close / f.split_factor, 8) AS close,
       round(r.volume * f.split_factor, 8) AS volume, r.bars
  FROM (SELECT l.length, b.symbol, b.source, b.session,
               coalesce(date_bin(l.stride, b.ts, b.stretch_from), b.opens_at) AS ts,
               (array_agg(b.open ORDER BY b.ts))[1] AS open, max(b.high) AS high, min(b.low) AS low,
               (array_agg(b.close ORDER BY b.ts DESC))[1] AS close, sum(b.volume) AS volume, count(*) AS bars
          FROM market.session_bars_1m b
         CROSS JOIN (VALUES ('5m', interval '5 minutes'), ('1h', '1 hour'), ('session', NULL)) l (length, stride)
         GROUP BY l.length, b.symbol, b.source, b.session, 5) r
  JOIN market.adjustment_factors f ON f.symbol = r.symbol AND f.source = r.source
                                  AND r.ts >= f.valid_from AND r.ts < f.valid_until;

-- Name symbol, source and a range of session: they reach the indexes.
CREATE VIEW analytics.bars_5m AS
SELECT symbol, source, session, ts, open, high, low, close, volume, bars
  FROM analytics.rolled_up_bars WHERE length = '5m';
CREATE VIEW analytics.bars_1h AS
SELECT symbol, source, session, ts, open, high, low, close, volume, bars
  FROM analytics.rolled_up_bars WHERE length = '1h';
CREATE VIEW analytics.bars_session AS
SELECT symbol, source, session, ts, open, high, low, close, volume, bars
  FROM analytics.rolled_up_bars WHERE length = 'session';
COMMENT ON COLUMN analytics.bars_5m.bars IS 'Minutes that had a bar.';
COMMENT ON COLUMN analytics.bars_1h.bars IS 'Minutes that had a bar.';
COMMENT ON COLUMN analytics.bars_session.bars IS 'Minutes that had a bar.';
COMMENT ON COLUMN analytics.bars_session.ts IS 'The opening.';

CREATE VIEW reports.bars_5m AS
SELECT i.name, i.currency, b.* FROM analytics.bars_5m b JOIN market.instruments i USING (symbol);
CREATE VIEW reports.bars_1h AS
SELECT i.name, i.currency, b.* FROM analytics.bars_1h b JOIN market.instruments i USING (symbol);
CREATE VIEW reports.bars_session AS
SELECT i.name, i.currency, b.* FROM analytics.bars_session b JOIN market.instruments i USING (symbol);

GRANT SELECT ON market.session_bars_1m, analytics.rolled_up_bars, analytics.bars_5m, analytics.bars_1h,
                analytics.bars_session TO marketpulse_loader;
GRANT SELECT ON reports.bars_5m, reports.bars_1h, reports.bars_session TO marketpulse_reader, marketpulse_loader;
