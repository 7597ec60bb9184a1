"""Topics in memory: the loader over them is the real one, but for what it asks the broker."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest
from marketpulse_spark import broker
from marketpulse_spark import load as loader
from marketpulse_spark.broker import TopicState
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.partitioning import home
from marketpulse_spark.schemas import MESSAGES
from marketpulse_spark.settings import DatasetSettings, LoadSettings
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.feed import PARTITIONS, Record

_RECEIVED = dt.datetime(2024, 4, 1, tzinfo=dt.UTC)


class MemoryTopics:
    """A loader's topics as lists, for hundreds of examples: a broker would take most of their time.

    Args:
        loader: The module of the loader, which reads them from now on.
        patch: Undoes that.
    """

    def __init__(self, loader: ModuleType, patch: pytest.MonkeyPatch) -> None:
        self._messages: defaultdict[tuple[str, int], list[Record]] = defaultdict(list)
        patch.setattr(broker, "read_topics", self._states)
        patch.setattr(loader, "read_messages", self._read)

    def publish_to(self, topic: str, records: Iterable[Record]) -> None:
        """Publishes each message where Kafka's partitioner would put it."""
        for key, value in records:
            self._messages[topic, home(key or b"", PARTITIONS)].append((key, value))

    def _states(self, _: str, topics: Sequence[str]) -> list[TopicState]:
        return [
            TopicState(
                topic=topic,
                cluster_id="memory",
                topic_id=topic,
                first=dict.fromkeys(range(PARTITIONS), 0),
                end={partition: len(self._messages[topic, partition]) for partition in range(PARTITIONS)},
            )
            for topic in topics
        ]

    def _read(self, ranges: Sequence[OffsetRange], _: DatasetSettings) -> Iterator[pa.RecordBatch]:
        for each in ranges:
            rows = [
                (each.topic, each.partition, offset, _RECEIVED, *self._messages[each.topic, each.partition][offset])
                for offset in range(each.start, each.end)
            ]
            if rows:
                yield pa.RecordBatch.from_pylist(
                    [dict(zip(MESSAGES.names, row, strict=True)) for row in rows], MESSAGES
                )


class MemoryFeed:
    """The loader of bars and actions over topics in memory."""

    def __init__(self, settings: LoadSettings, spark: SparkSession, patch: pytest.MonkeyPatch) -> None:
        self._settings = settings
        self._spark = spark
        self._topics = MemoryTopics(loader, patch)

    def publish(self, records: Iterable[Record], *, backfill: bool = False) -> None:
        """Publishes bars."""
        self._topics.publish_to(self._settings.backfill_topic if backfill else self._settings.live_topic, records)

    def publish_actions(self, *records: Record) -> None:
        """Publishes splits and dividends."""
        self._topics.publish_to(self._settings.actions_topic, records)

    def load(self, **changes: Any) -> None:
        """Runs the load of everything published, in this process."""
        loader.load(dataclasses.replace(self._settings, **changes), time.time(), lambda: self._spark)
