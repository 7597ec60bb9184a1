"""A market that speaks Alpha Vantage's HTTP protocol: synthetic or replayed bars, its errors, faults on demand."""
