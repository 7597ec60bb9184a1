"""Fresh topics and the loader that reads them."""

from __future__ import annotations

import contextlib
import dataclasses
import time
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, Message, Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from marketpulse_spark.broker import read_topics
from marketpulse_spark.load import load
from marketpulse_spark.settings import LoadSettings
from pyspark.sql import SparkSession

from tests.unit.spark_jobs.messages import value

PARTITIONS = 2
TOPIC_CONFIGURATION = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "8388608"}
_SECONDS = 20

#: Key and value of a message.
Record = tuple[bytes | None, bytes | None]


def bar(number: int, close: str, **changes: Any) -> Record:
    """A message of the bar of 2024-03-01, `number` minutes after 00:00 UTC; all prices are `close`."""
    symbol = changes.get("symbol", "MSFT")
    day, rest = divmod(number, 1440)
    ts = f"2024-03-{day + 1:02}T{rest // 60:02}:{rest % 60:02}:00Z"
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return symbol.encode(), value(**({"ts": ts, "volume": "10"} | prices | changes))


def fetched(second: int) -> str:
    """A fetched_at, `second` seconds after 2024-03-05 00:00 UTC."""
    return f"2024-03-05T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000Z"


@dataclass(frozen=True)
class Feed:
    """A live and a backfill topic of their own, and the loader over them."""

    settings: LoadSettings
    admin: AdminClient
    producer: Producer
    spark: SparkSession

    @property
    def live(self) -> str:
        return self.settings.live_topic

    @property
    def backfill(self) -> str:
        return self.settings.backfill_topic

    def publish(self, records: Iterable[Record], *, backfill: bool = False, partition: int = -1) -> None:
        """Publishes; with `partition`, past the partitioner."""
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error)

        for key, raw in records:
            topic = self.backfill if backfill else self.live
            self.producer.produce(topic, key=key, value=raw, partition=partition, on_delivery=delivered)
        assert self.producer.flush(_SECONDS) == 0
        assert not failed

    def publish_in_transaction(self, records: Iterable[Record]) -> None:
        """Publishes to the live topic's partition 0; the end of the transaction takes an offset of its own."""
        producer = Producer(
            {"bootstrap.servers": self.settings.kafka_bootstrap, "transactional.id": uuid.uuid4().hex, "log_level": 0}
        )
        producer.init_transactions(_SECONDS)
        producer.begin_transaction()
        for key, raw in records:
            producer.produce(self.live, key=key, value=raw, partition=0)
        producer.commit_transaction(_SECONDS)

    def load(self, **changes: Any) -> None:
        """Runs the load of everything published, in this process."""
        load(dataclasses.replace(self.settings, **changes), time.time(), lambda: self.spark)

    def load_by_executors(self, **changes: Any) -> None:
        """The same, by Python workers: no batch is small enough for the driver."""
        self.load(driver_messages=0, **changes)

    def ends(self, topic: str) -> dict[int, int]:
        """The offset that the next message of each partition will get."""
        return read_topics(self.settings.kafka_bootstrap, [topic])[0].end

    def firsts(self, topic: str) -> dict[int, int]:
        """The first offset of each partition that the broker still holds."""
        return read_topics(self.settings.kafka_bootstrap, [topic])[0].first

    def create(self, topic: str, partitions: int = PARTITIONS) -> None:
        new = NewTopic(topic, partitions, 1, config=TOPIC_CONFIGURATION)
        self.admin.create_topics([new], operation_timeout=_SECONDS)[topic].result(_SECONDS)

    def delete(self, topic: str) -> None:
        self.admin.delete_topics([topic], operation_timeout=_SECONDS)[topic].result(_SECONDS)

    def grow(self, topic: str, partitions: int) -> None:
        """Adds partitions, and waits until the producer knows of them."""
        self.admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(_SECONDS)
        deadline = time.monotonic() + _SECONDS
        while len(self.producer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions) < partitions:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def settings_of(environment: dict[str, str], live: str, backfill: str) -> LoadSettings:
    """A loader of these topics into the stack's warehouse, with little patience."""
    return LoadSettings(
        run_id="test",
        warehouse_dsn=environment["MARKETPULSE_WAREHOUSE_DSN"],
        kafka_bootstrap=environment["MARKETPULSE_KAFKA_BOOTSTRAP"],
        live_topic=live,
        backfill_topic=backfill,
        lock_seconds=2,
    )


@contextlib.contextmanager
def fresh_feed(
    environment: dict[str, str], admin: AdminClient, producer: Producer, spark: SparkSession
) -> Iterator[Feed]:
    """Creates two topics, and deletes them at the end."""
    name = uuid.uuid4().hex
    settings = settings_of(environment, f"test.live.{name}", f"test.backfill.{name}")
    feed = Feed(settings, admin, producer, spark)
    for topic in settings.topics:
        feed.create(topic)
    try:
        yield feed
    finally:
        for future in admin.delete_topics(list(settings.topics)).values():
            future.exception(_SECONDS)
