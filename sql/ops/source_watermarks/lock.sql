-- One poll of a source at a time. Held by the session, not a transaction: nothing is idle in one while the vendor answers.
SELECT pg_advisory_lock(hashtextextended('marketpulse.poll_source.' || %(source)s, 0))
