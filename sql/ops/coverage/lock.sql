-- One measurement at a time: two would open each gap twice. Freed at the end of the transaction.
SELECT pg_advisory_xact_lock(hashtextextended('marketpulse.check_completeness', 0))
