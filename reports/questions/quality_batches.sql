-- title: Loads
-- description: What each batch brought, and how long it took from the start of its job until its rows could be read.
-- owner: data
-- chart: combo
-- columns:
--   started_at: {title: Started, unit: time}
--   dataset: {title: Data}
--   state: {title: State}
--   seconds: {title: Took, unit: seconds}
--   messages: {title: Messages, unit: count}
--   dead_letters: {title: Dead letters, unit: count}
-- x: started_at
-- y: [seconds]
-- bars: [messages]
-- parameters: [hours]
SELECT started_at, dataset, state, seconds, messages, dead_letters
  FROM reports.batches
 WHERE started_at > now() - make_interval(hours => %(hours)s)
 ORDER BY started_at;
