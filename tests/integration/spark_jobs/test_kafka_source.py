"""What the reader returns of a range of offsets, and how it says that it cannot."""

from __future__ import annotations

import dataclasses
import datetime as dt

import pyarrow as pa
import pytest
from confluent_kafka import TopicPartition
from marketpulse_spark import kafka_source
from marketpulse_spark.errors import RangeIncomplete
from marketpulse_spark.kafka_source import read_messages
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.schemas import MESSAGES

from tests.integration.spark_jobs.feed import Feed

VALUES = [b"%d" % number for number in range(50)]


def read(feed: Feed, *ranges: OffsetRange) -> pa.Table:
    return pa.Table.from_batches(read_messages(ranges, feed.settings), MESSAGES)


def test_exactly_the_offsets_of_each_range(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_source, "_BLOCK", 7)
    before = dt.datetime.now(dt.UTC)
    feed.publish([(b"key", value) for value in VALUES], partition=1)
    feed.publish([(None, None), (b"", b"x" * 2_000_000)], backfill=True, partition=0)
    found = read(
        feed,
        OffsetRange(feed.live, 1, 10, 40),
        OffsetRange(feed.live, 0, 0, 0),
        OffsetRange(feed.live, 1, 49, 50),
        OffsetRange(feed.backfill, 0, 0, 2),
    )
    assert found["kafka_offset"].to_pylist() == [*range(10, 40), 49, 0, 1]
    assert found["value"].to_pylist() == [*VALUES[10:40], VALUES[49], None, b"x" * 2_000_000]
    assert found["key"].to_pylist() == [b"key"] * 31 + [None, b""]
    assert found["topic"].to_pylist() == [feed.live] * 31 + [feed.backfill] * 2
    assert found["partition"].to_pylist() == [1] * 31 + [0] * 2
    for at in found["kafka_ts"].to_pylist():
        assert before - dt.timedelta(seconds=5) < at < before + dt.timedelta(minutes=1)


def test_partition_that_ends_within_its_range_ends_the_reading(feed: Feed) -> None:
    feed.publish([(b"key", value) for value in VALUES], partition=0)
    assert read(feed, OffsetRange(feed.live, 0, 45, 60))["value"].to_pylist() == VALUES[45:]


def test_offsets_that_are_gone_are_said(feed: Feed) -> None:
    feed.publish([(b"key", value) for value in VALUES], partition=0)
    for future in feed.admin.delete_records([TopicPartition(feed.live, 0, 20)]).values():
        future.result(20)
    with pytest.raises(RangeIncomplete, match="Kafka no longer holds all of offsets 10 to 39"):
        read(feed, OffsetRange(feed.live, 0, 10, 40))
    assert read(feed, OffsetRange(feed.live, 0, 20, 40)).num_rows == 20


def test_silence_has_an_end(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_source, "_SILENCE_SECONDS", 1.0)
    nobody = dataclasses.replace(feed.settings, kafka_bootstrap="127.0.0.1:1")
    with pytest.raises(RangeIncomplete, match="Kafka returned nothing from offset 3"):
        list(read_messages([OffsetRange(feed.live, 0, 3, 4)], nobody))
