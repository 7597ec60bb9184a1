-- Shrinks and closes gaps by what ops.coverage says now, then opens one for what no open gap holds. A gap whose session is
-- none any more has nothing missing.
WITH followed AS (
    SELECT g.gap_id, g.symbol, g.source, g.session, g.minutes,
           g.missing_at * coalesce(c.missing_at, '{}') AS missing_at
      FROM ops.gaps g
      LEFT JOIN ops.coverage c USING (symbol, source, session)
     WHERE g.closed_at IS NULL
), changed AS (
    UPDATE ops.gaps g
       SET missing_at = f.missing_at,
           state = CASE WHEN NOT isempty(f.missing_at) THEN g.state
                        WHEN EXISTS (SELECT FROM unnest(f.minutes) part
                                       JOIN market.bars_1m b ON b.symbol = f.symbol AND b.source = f.source
                                                            AND b.ts >= lower(part) AND b.ts < upper(part)) THEN 'healed'
                        ELSE 'vendor_has_none' END,
           detail = CASE WHEN isempty(f.missing_at) THEN '' ELSE g.detail END,
           closed_at = CASE WHEN isempty(f.missing_at) THEN clock_timestamp() END
      FROM followed f
     WHERE g.gap_id = f.gap_id AND g.missing_at <> f.missing_at
    RETURNING g.state, g.closed_at
), opened AS (
    INSERT INTO ops.gaps (symbol, source, session, minutes, missing_at, detail)
    SELECT c.symbol, c.source, c.session, unknown.minutes, unknown.minutes,
           CASE WHEN c.source = ANY (%(asked)s::text[]) THEN ''
                ELSE 'nobody is asked: ' || c.source || ' is not enabled in config/sources.yml' END
      FROM ops.coverage c
     CROSS JOIN LATERAL (SELECT c.missing_at - coalesce(range_agg(f.missing_at), '{}') AS minutes
                           FROM followed f
                          WHERE (f.symbol, f.source, f.session) = (c.symbol, c.source, c.session)) unknown
     WHERE c.missing > 0 AND NOT isempty(unknown.minutes)
    RETURNING gap_id
)
SELECT (SELECT count(*) FROM opened), (SELECT count(*) FROM changed WHERE closed_at IS NOT NULL)
