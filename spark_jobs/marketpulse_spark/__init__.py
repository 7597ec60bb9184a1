"""Spark jobs of MarketPulse: Kafka offset ranges in, PostgreSQL transactions out."""
