-- Merges recomputed hours (temporary table recomputed); rows that did not change are left alone, and an hour without a
-- story in its window has none.
WITH gone AS (
    DELETE FROM analytics.sentiment_1h t USING recomputed r
     WHERE r.window_stories = 0 AND (t.symbol, t.hour_end) = (r.symbol, r.hour_end)
)
INSERT INTO analytics.sentiment_1h AS t (symbol, hour_end, stories, mean_sentiment, decayed_sentiment)
SELECT symbol, hour_end, stories, mean_sentiment, decayed_sentiment
  FROM recomputed
 WHERE window_stories > 0
    ON CONFLICT (symbol, hour_end) DO UPDATE
   SET stories = excluded.stories, mean_sentiment = excluded.mean_sentiment,
       decayed_sentiment = excluded.decayed_sentiment
 WHERE (t.stories, t.mean_sentiment, t.decayed_sentiment)
       IS DISTINCT FROM (excluded.stories, excluded.mean_sentiment, excluded.decayed_sentiment)
