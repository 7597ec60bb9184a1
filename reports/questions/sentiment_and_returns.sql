-- title: Sentiment and what the price did next
-- description: Each point is an hour of the symbol. Across, its decayed sentiment at the end of it, and up, the return of the hour after it.
-- owner: analysts
-- chart: scatter
-- columns:
--   sentiment: {title: Sentiment, unit: ratio}
--   next_return: {title: Return of the next hour, unit: percent}
--   hour_end: {title: Hour until, unit: time}
-- x: sentiment
-- y: [next_return]
-- parameters: [symbol, source, days]
SELECT decayed_sentiment AS sentiment, next_return, hour_end
  FROM reports.sentiment_and_returns
 WHERE symbol = %(symbol)s AND source = %(source)s AND hour_end > now() - make_interval(days => %(days)s)
   AND next_return IS NOT NULL AND decayed_sentiment IS NOT NULL
 ORDER BY hour_end;
