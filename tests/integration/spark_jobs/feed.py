"""Fresh topics and the loader that reads them."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from marketpulse_spark.broker import read_topics
from marketpulse_spark.errors import TopicMissing
from marketpulse_spark.load import load
from marketpulse_spark.settings import DatasetSettings, LoadSettings
from pyspark.sql import SparkSession

from tests.unit.spark_jobs.messages import value

PARTITIONS = 2
TOPIC_CONFIGURATION = {"message.timestamp.type": "LogAppendTime", "max.message.bytes": "8388608"}
_SECONDS = 20

_FIRST_MINUTE = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)

#: Key and value of a message.
Record = tuple[bytes | None, bytes | None]


def bar(number: int, close: str, **changes: Any) -> Record:
    """A message of the bar of 2024-03-01, `number` minutes after 00:00 UTC; all prices are `close`."""
    symbol = changes.get("symbol", "MSFT")
    day, rest = divmod(number, 1440)
    ts = f"2024-03-{day + 1:02}T{rest // 60:02}:{rest % 60:02}:00Z"
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    return symbol.encode(), value(**({"ts": ts, "volume": "10"} | prices | changes))


def split(number: int, ratio: str, **changes: Any) -> Record:
    """A message of a split that is effective `number` minutes after 2024-03-01 00:00 UTC."""
    return action(number, {"kind": "split", "ratio": ratio} | changes)


def dividend(number: int, amount: str, **changes: Any) -> Record:
    """A message of a dividend whose ex-date begins `number` minutes after 2024-03-01 00:00 UTC."""
    return action(number, {"kind": "dividend", "amount": amount, "currency": "USD"} | changes)


def action(number: int, fields: dict[str, Any]) -> Record:
    """A message of the actions topic; its ex-date is the day whose midnight in UTC is nearest."""
    effective_at = _FIRST_MINUTE + dt.timedelta(minutes=number)
    message = {
        "source": "alpha_vantage",
        "symbol": "MSFT",
        "ex_date": f"{effective_at + dt.timedelta(hours=12):%Y-%m-%d}",
        "effective_at": f"{effective_at:%Y-%m-%dT%H:%M:00Z}",
        "fetched_at": fetched(0),
        "run_id": "test",
    } | fields
    return message["symbol"].encode(), orjson.dumps(message)


def fetched(second: int) -> str:
    """A fetched_at, `second` seconds after 2024-03-05 00:00 UTC."""
    return f"2024-03-05T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.000000Z"


@dataclass(frozen=True)
class Topics:
    """Topics, and who writes to them."""

    settings: DatasetSettings
    admin: AdminClient
    producer: Producer

    def publish_to(self, topic: str, records: Iterable[Record], *, partition: int = -1) -> None:
        """Publishes to one of the topics."""
        failed: list[KafkaError] = []

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is not None:
                failed.append(error)

        for key, raw in records:
            self.producer.produce(topic, key=key, value=raw, partition=partition, on_delivery=delivered)
        assert self.producer.flush(_SECONDS) == 0
        assert not failed

    def ends(self, topic: str) -> dict[int, int]:
        """The offset that the next message of each partition will get."""
        return read_topics(self.settings.kafka_bootstrap, [topic])[0].end

    def firsts(self, topic: str) -> dict[int, int]:
        """The first offset of each partition that the broker still holds."""
        return read_topics(self.settings.kafka_bootstrap, [topic])[0].first

    def create(self, *topics: str, partitions: int = PARTITIONS) -> None:
        """Creates topics, and waits until the broker answers for them: that is a moment later."""
        new = [NewTopic(topic, partitions, 1, config=TOPIC_CONFIGURATION) for topic in topics]
        for created in self.admin.create_topics(new, operation_timeout=_SECONDS).values():
            created.result(_SECONDS)
        deadline = time.monotonic() + _SECONDS
        while not self._answers_for(topics):
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def _answers_for(self, topics: Sequence[str]) -> bool:
        try:
            read_topics(self.settings.kafka_bootstrap, topics)
        except (TopicMissing, KafkaException):
            return False
        return True

    def delete(self, topic: str) -> None:
        self.admin.delete_topics([topic], operation_timeout=_SECONDS)[topic].result(_SECONDS)

    def grow(self, topic: str, partitions: int) -> None:
        """Adds partitions, and waits until the producer knows of them."""
        self.admin.create_partitions([NewPartitions(topic, partitions)])[topic].result(_SECONDS)
        deadline = time.monotonic() + _SECONDS
        while len(self.producer.list_topics(topic, timeout=_SECONDS).topics[topic].partitions) < partitions:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@dataclass(frozen=True)
class Feed(Topics):
    """Bars and actions in topics of their own, and the loader over them."""

    settings: LoadSettings
    spark: SparkSession

    @property
    def live(self) -> str:
        return self.settings.live_topic

    @property
    def backfill(self) -> str:
        return self.settings.backfill_topic

    @property
    def actions(self) -> str:
        return self.settings.actions_topic

    def publish(self, records: Iterable[Record], *, backfill: bool = False, partition: int = -1) -> None:
        """Publishes bars; with `partition`, past the partitioner."""
        self.publish_to(self.backfill if backfill else self.live, records, partition=partition)

    def publish_actions(self, *records: Record, partition: int = -1) -> None:
        """Publishes splits and dividends."""
        self.publish_to(self.actions, records, partition=partition)

    def publish_in_transaction(self, records: Iterable[Record]) -> None:
        """Publishes to the live topic's partition 0; the end of the transaction takes an offset of its own.

        The broker writes that end a moment after it has confirmed the transaction.
        """
        end = self.ends(self.live)[0]
        producer = Producer(
            {"bootstrap.servers": self.settings.kafka_bootstrap, "transactional.id": uuid.uuid4().hex, "log_level": 0}
        )
        producer.init_transactions(_SECONDS)
        producer.begin_transaction()
        for key, raw in records:
            producer.produce(self.live, key=key, value=raw, partition=0)
            end += 1
        producer.commit_transaction(_SECONDS)
        deadline = time.monotonic() + _SECONDS
        while self.ends(self.live)[0] == end:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def load(self, **changes: Any) -> None:
        """Runs the load of everything published, in this process."""
        load(dataclasses.replace(self.settings, **changes), time.time(), lambda: self.spark)

    def load_by_executors(self, **changes: Any) -> None:
        """The same, by Python workers: no batch is small enough for the driver."""
        self.load(driver_messages=0, **changes)


def settings_of(environment: dict[str, str], live: str, backfill: str, actions: str) -> LoadSettings:
    """A loader of these topics into the stack's warehouse, with little patience."""
    return LoadSettings(
        run_id="test",
        warehouse_dsn=environment["MARKETPULSE_WAREHOUSE_DSN"],
        kafka_bootstrap=environment["MARKETPULSE_KAFKA_BOOTSTRAP"],
        live_topic=live,
        backfill_topic=backfill,
        actions_topic=actions,
        lock_seconds=2,
    )


@contextlib.contextmanager
def created(topics: Topics) -> Iterator[None]:
    """Creates topics, and deletes them at the end."""
    topics.create(*topics.settings.topics)
    try:
        yield
    finally:
        for future in topics.admin.delete_topics(list(topics.settings.topics)).values():
            future.exception(_SECONDS)


@contextlib.contextmanager
def fresh_feed(
    environment: dict[str, str], admin: AdminClient, producer: Producer, spark: SparkSession
) -> Iterator[Feed]:
    """The bar topics of a test's own."""
    name = uuid.uuid4().hex
    settings = settings_of(environment, f"test.live.{name}", f"test.backfill.{name}", f"test.actions.{name}")
    feed = Feed(settings, admin, producer, spark)
    with created(feed):
        yield feed
