-- Which bars of the islands (temporary table islands) PostgreSQL has met before: bars with a version of
-- any age, and bars that were deleted by hand but left something behind.
SELECT symbol, source, ts FROM (
    SELECT b.symbol, b.source, b.ts FROM islands i JOIN market.bars_1m b
        ON b.symbol = i.symbol AND b.source = i.source AND b.ts BETWEEN i.first_ts AND i.last_ts
    UNION
    SELECT b.symbol, b.source, b.ts FROM islands i JOIN market.bar_revisions b
        ON b.symbol = i.symbol AND b.source = i.source AND b.ts BETWEEN i.first_ts AND i.last_ts
    UNION
    SELECT b.symbol, b.source, b.ts FROM islands i JOIN ops.bar_confirmations b
        ON b.symbol = i.symbol AND b.source = i.source AND b.ts BETWEEN i.first_ts AND i.last_ts
    UNION
    SELECT b.symbol, b.source, b.ts FROM islands i JOIN analytics.indicators_1m b
        ON b.symbol = i.symbol AND b.source = i.source AND b.ts BETWEEN i.first_ts AND i.last_ts) met
