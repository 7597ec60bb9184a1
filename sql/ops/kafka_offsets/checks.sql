-- The ledger agrees with itself and with the rows: each check returns what is expected and what was found.
-- All look at the last two hours and at the ledger's few rows, by index, so that they cost nothing after every load.

-- check: ledger_stands_at_the_end_of_its_last_range (fail)
SELECT 0 AS expected, count(*) AS found
  FROM ops.kafka_offsets o
 CROSS JOIN LATERAL (SELECT r.end_offset
                       FROM ops.batch_ranges r
                      WHERE r.topic = o.topic AND r.partition = o.partition
                      ORDER BY r.start_offset DESC LIMIT 1) newest
 WHERE newest.end_offset <> o.next_offset;

-- check: ranges_follow_one_another_without_gap_or_overlap (fail)
SELECT 0 AS expected, count(*) AS found
  FROM ops.batches b
  JOIN ops.batch_ranges r USING (batch_id)
 CROSS JOIN LATERAL (SELECT p.end_offset
                       FROM ops.batch_ranges p
                      WHERE p.topic = r.topic AND p.partition = r.partition AND p.start_offset < r.start_offset
                      ORDER BY p.start_offset DESC LIMIT 1) previous
 WHERE b.batch_id > (SELECT coalesce(max(batch_id), 0) - 200 FROM ops.batches)
   AND r.committed_at > now() - interval '2 hours'
   AND previous.end_offset <> r.start_offset;

-- Counted by the unique indexes of raw.bars, raw.actions and raw.news; the newest ranges only, up to 50,000 messages.
-- check: every_good_message_of_a_range_is_in_raw (fail)
WITH recent AS (
    SELECT r.*, sum(r.messages) OVER (ORDER BY r.committed_at DESC, r.topic, r.partition) AS so_far
      FROM ops.batch_ranges r
     WHERE r.batch_id > (SELECT coalesce(max(batch_id), 0) - 200 FROM ops.batches)
       AND r.committed_at > now() - interval '2 hours'
)
SELECT coalesce(sum(r.messages - r.dead_letters), 0) AS expected,
       coalesce(sum(bars.stored + actions.stored + news.stored), 0) AS found
  FROM recent r
 CROSS JOIN LATERAL (SELECT count(*) AS stored
                       FROM raw.bars w
                      WHERE w.topic = r.topic AND w.partition = r.partition
                        AND w.kafka_offset >= r.start_offset AND w.kafka_offset < r.end_offset) bars
 CROSS JOIN LATERAL (SELECT count(*) AS stored
                       FROM raw.actions w
                      WHERE w.topic = r.topic AND w.partition = r.partition
                        AND w.kafka_offset >= r.start_offset AND w.kafka_offset < r.end_offset) actions
 CROSS JOIN LATERAL (SELECT count(*) AS stored
                       FROM raw.news w
                      WHERE w.topic = r.topic AND w.partition = r.partition
                        AND w.kafka_offset >= r.start_offset AND w.kafka_offset < r.end_offset) news
 WHERE r.so_far <= 50000;

-- check: every_dead_letter_of_a_range_is_kept (fail)
SELECT coalesce(sum(r.dead_letters), 0) AS expected, coalesce(sum(kept.letters), 0) AS found
  FROM ops.batch_ranges r
 CROSS JOIN LATERAL (SELECT count(*) AS letters
                       FROM ops.dead_letters d
                      WHERE d.topic = r.topic AND d.partition = r.partition
                        AND d.kafka_offset >= r.start_offset AND d.kafka_offset < r.end_offset) kept
 WHERE r.batch_id > (SELECT coalesce(max(batch_id), 0) - 200 FROM ops.batches)
   AND r.committed_at > now() - interval '2 hours'
   AND r.dead_letters > 0;

-- Those that were loaded since, were discarded, or are another letter by now do not count.
-- check: no_message_was_a_dead_letter_lately (warn)
SELECT 0 AS expected, count(*) AS found
  FROM ops.batch_ranges r
  JOIN ops.dead_letter_states d
    ON d.topic = r.topic AND d.partition = r.partition AND d.kafka_offset >= r.start_offset AND d.kafka_offset < r.end_offset
 WHERE r.batch_id > (SELECT coalesce(max(batch_id), 0) - 200 FROM ops.batches)
   AND r.committed_at > now() - interval '2 hours'
   AND r.dead_letters > 0
   AND d.state IN ('open', 'requested', 'published');

-- check: no_other_batch_is_unfinished (warn)
SELECT 0 AS expected, count(*) AS found
  FROM ops.batches
 WHERE batch_id > (SELECT coalesce(max(batch_id), 0) - 200 FROM ops.batches)
   AND state = 'running' AND started_at < now() - interval '1 hour';
