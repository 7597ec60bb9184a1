"""Reads exact offset ranges from Kafka, in the process that needs their messages (docs/adr/0004)."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence

import pyarrow as pa
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from marketpulse_spark.errors import RangeIncomplete
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.schemas import MESSAGES
from marketpulse_spark.settings import DatasetSettings

_BLOCK = 20_000
_POLL_SECONDS = 1.0
_SILENCE_SECONDS = 30.0


def read_messages(ranges: Sequence[OffsetRange], settings: DatasetSettings) -> Iterator[pa.RecordBatch]:
    """Yields the messages of the ranges, one range after the other, in the layout `schemas.MESSAGES`.

    A partition that ends within its range ends the reading of it: whoever counts the messages notices.

    Raises:
        RangeIncomplete: Kafka no longer holds an offset of a range, or says nothing for 30 s.
        confluent_kafka.KafkaException: The broker refuses.
    """
    filled = [each for each in ranges if len(each)]
    if not filled:
        return
    consumer = Consumer(
        {
            "bootstrap.servers": settings.kafka_bootstrap,
            # A consumer must name a group; offsets are the ledger's, and none is ever committed to it.
            "group.id": f"marketpulse-{settings.dataset}",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "isolation.level": "read_uncommitted",
            "check.crcs": True,
            # By default a queue that was full is looked at again after a whole second.
            "fetch.queue.backoff.ms": 10,
            "socket.timeout.ms": 20_000,
            "log_level": 3,
        }
    )
    with contextlib.closing(consumer):
        for each in filled:
            yield from _read_range(consumer, each)


def _read_range(consumer: Consumer, place: OffsetRange) -> Iterator[pa.RecordBatch]:
    consumer.assign([TopicPartition(place.topic, place.partition, place.start)])
    position = place.start
    heard = time.monotonic()
    while position < place.end:
        polled = consumer.consume(min(_BLOCK, place.end - position), timeout=_POLL_SECONDS)
        messages = [message for message in polled if message.error() is None and _offset(message) < place.end]
        if messages:
            position = _offset(messages[-1]) + 1
            heard = time.monotonic()
            yield _as_batch(place, messages)
        if any(_is_end(message, error, place) for message in polled if (error := message.error()) is not None):
            return
        if time.monotonic() - heard > _SILENCE_SECONDS:
            raise RangeIncomplete(
                f"{place.topic}[{place.partition}]: Kafka returned nothing from offset {position} for "
                f"{_SILENCE_SECONDS:.0f} s. The next run tries again; if it repeats, look at the broker's log."
            )


def _is_end(event: Message, error: KafkaError, place: OffsetRange) -> bool:
    """Whether an event says that the partition has no more messages; any other error is raised."""
    if error.code() == KafkaError._PARTITION_EOF:
        # Or that one read before this one has not.
        return (event.topic(), event.partition()) == (place.topic, place.partition)
    if error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
        raise RangeIncomplete(
            f"{place.topic}[{place.partition}]: Kafka no longer holds all of offsets {place.start} to "
            f"{place.end - 1} ({error.str()}). The next run says what to do."
        )
    raise KafkaException(error)


def _offset(message: Message) -> int:
    offset = message.offset()
    if offset is None:
        raise ValueError("a message without an offset")
    return offset


def _as_batch(place: OffsetRange, messages: Sequence[Message]) -> pa.RecordBatch:
    count = len(messages)
    millis = pa.array([message.timestamp()[1] for message in messages], pa.timestamp("ms", tz="UTC"))
    return pa.RecordBatch.from_arrays(
        [
            pa.repeat(pa.scalar(place.topic), count),
            pa.repeat(pa.scalar(place.partition, pa.int32()), count),
            pa.array([message.offset() for message in messages], pa.int64()),
            millis.cast(MESSAGES.field("kafka_ts").type),
            pa.array([message.key() for message in messages], pa.binary()),
            pa.array([message.value() for message in messages], pa.binary()),
        ],
        schema=MESSAGES,
    )
