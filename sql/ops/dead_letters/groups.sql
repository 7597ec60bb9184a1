-- Letters by dataset, reason and how far they are; those that somebody has to look at first.
SELECT dataset, reason, state, count(*) AS letters, min(kafka_ts) AS oldest, max(kafka_ts) AS newest
  FROM ops.dead_letter_states
 GROUP BY dataset, reason, state
 ORDER BY state = 'open' DESC, max(kafka_ts) DESC, dataset, reason
