-- title: Sentiment by hour
-- description: Of the symbol's stories, from -1 (bearish) to 1 (bullish), and how many there were. Decayed means that earlier stories count less and less.
-- owner: analysts
-- chart: combo
-- columns:
--   hour_end: {title: Hour until, unit: time}
--   decayed: {title: Decayed sentiment, unit: ratio}
--   mean: {title: Mean of the hour, unit: ratio}
--   stories: {title: Stories, unit: count}
-- x: hour_end
-- y: [decayed, mean]
-- bars: [stories]
-- parameters: [symbol, days]
SELECT hour_end, decayed_sentiment AS decayed, mean_sentiment AS mean, stories
  FROM reports.sentiment_1h
 WHERE symbol = %(symbol)s AND hour_end > now() - make_interval(days => %(days)s)
 ORDER BY hour_end;
