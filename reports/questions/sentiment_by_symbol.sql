-- title: Sentiment now
-- description: >-
--   How the news of each symbol sounds, from -1 (bearish) to 1 (bullish): the newest hour with a value, in which earlier stories
--   count less and less.
-- owner: analysts
-- chart: bar
-- columns:
--   symbol: {title: Symbol}
--   sentiment: {title: Sentiment, unit: ratio}
-- x: symbol
-- y: [sentiment]
-- parameters: [days]
SELECT symbol, sentiment
  FROM (SELECT DISTINCT ON (symbol) symbol, decayed_sentiment AS sentiment
          FROM reports.sentiment_1h
         WHERE hour_end > now() - make_interval(days => %(days)s) AND decayed_sentiment IS NOT NULL
         ORDER BY symbol, hour_end DESC) newest
 ORDER BY sentiment DESC, symbol;
