-- title: Sentiment by day
-- description: Mean sentiment of all stories of each UTC day, from -1 (bearish) to 1 (bullish).
-- owner: analysts
-- chart: heatmap
-- columns:
--   day: {title: Day, unit: date}
--   symbol: {title: Symbol}
--   sentiment: {title: Sentiment, unit: ratio}
-- x: day
-- y: [sentiment]
-- series: symbol
-- parameters: [days]
SELECT (hour_end - interval '1 hour')::date AS day, symbol, sum(mean_sentiment * stories) / sum(stories) AS sentiment
  FROM reports.sentiment_1h
 WHERE hour_end > now() - make_interval(days => %(days)s) AND stories > 0
 GROUP BY day, symbol
 ORDER BY day, symbol;
