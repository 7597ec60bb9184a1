-- Where the ledger stands, and stays until the transaction ends: whoever changes a bar moves it first.
SELECT topic, partition, next_offset FROM ops.kafka_offsets ORDER BY topic, partition FOR UPDATE
