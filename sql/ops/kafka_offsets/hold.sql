-- Where the ledger of three topics ($1, $2, $3) stands, and stays until the transaction ends: whoever changes a bar
-- moves it first.
SELECT topic, partition, next_offset FROM ops.kafka_offsets WHERE topic IN ($1, $2, $3) ORDER BY topic, partition FOR UPDATE
