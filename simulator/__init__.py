"""A market that speaks vendors' HTTP protocols: synthetic or replayed bars, their errors, faults on demand."""
