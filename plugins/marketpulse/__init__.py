"""Everything that Airflow runs: vendor adapters, publishing to Kafka, data checks, metrics."""
