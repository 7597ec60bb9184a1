"""Reads exact offset ranges from Kafka with Spark's connector."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Literal

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.settings import LoadSettings


def read_messages(spark: SparkSession, ranges: Sequence[OffsetRange], settings: LoadSettings) -> DataFrame:
    """Returns the messages of the ranges, one Spark partition for each, in the layout `schemas.MESSAGES`.

    Every wait is bounded; a missing offset fails the read (`failOnDataLoss`).
    """
    filled = [each for each in ranges if len(each)]
    options = {
        "kafka.bootstrap.servers": settings.kafka_bootstrap,
        "assign": json.dumps({topic: sorted(places) for topic, places in _positions(filled, "start").items()}),
        "startingOffsets": json.dumps(_positions(filled, "start")),
        "endingOffsets": json.dumps(_positions(filled, "end")),
        "failOnDataLoss": "true",
        "kafkaConsumer.pollTimeoutMs": "30000",
        "fetchOffset.numRetries": "2",
        "kafka.request.timeout.ms": "20000",
        "kafka.default.api.timeout.ms": "30000",
        "kafka.fetch.max.bytes": str(16 * 1024 * 1024),
        "kafka.max.partition.fetch.bytes": str(4 * 1024 * 1024),
        "kafka.max.poll.records": "5000",
    }
    return (
        spark.read.format("kafka")
        .options(**options)
        .load()
        .select(
            "topic",
            "partition",
            F.col("offset").alias("kafka_offset"),
            F.col("timestamp").alias("kafka_ts"),
            "key",
            "value",
        )
    )


def _positions(ranges: Sequence[OffsetRange], side: Literal["start", "end"]) -> dict[str, dict[int, int]]:
    positions: dict[str, dict[int, int]] = {}
    for each in ranges:
        positions.setdefault(each.topic, {})[each.partition] = getattr(each, side)
    return positions
