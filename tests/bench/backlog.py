"""A topic full of bars, and tables as empty as before the first load."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from collections.abc import Iterable, Iterator

import psycopg
from confluent_kafka import Producer, TopicCollection
from confluent_kafka.admin import AdminClient

TOPIC = "market.bars.v1"
SYMBOLS = tuple(f"BENCH{number:02d}" for number in range(100))
DUPLICATES = 0.01
REVISIONS = 0.01
_START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)


class Backlog:
    """Publishes bars of 100 symbols, minute after minute; one in a hundred is sent twice, one is revised later."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._chance = random.Random(20200102)  # noqa: S311 - the same backlog in every run
        self._minute = 0
        self._price = 100.0
        self._bootstrap = environment["MARKETPULSE_KAFKA_BOOTSTRAP"]

    def add(self, messages: int) -> None:
        """Publishes exactly this many more messages."""
        publish(self._bootstrap, itertools.islice(self._messages(), messages))

    def _messages(self) -> Iterator[tuple[str, str]]:
        while True:
            start = _START + dt.timedelta(minutes=self._minute)
            self._minute += 1
            for symbol in SYMBOLS:
                for value in self._versions(symbol, start):
                    yield symbol, value

    def _versions(self, symbol: str, start: dt.datetime) -> list[str]:
        self._price = max(1.0, self._price + self._chance.uniform(-0.1, 0.1))
        volume = self._chance.randrange(1, 100_000)
        first = bar(symbol, start, self._price, volume)
        luck = self._chance.random()
        if luck < DUPLICATES:
            return [first, first]
        if luck < DUPLICATES + REVISIONS:
            return [first, bar(symbol, start, self._price + 0.01, volume, 1)]
        return [first]


def publish(bootstrap: str, messages: Iterable[tuple[str, str]]) -> None:
    """Publishes (symbol, message) in this order and waits until Kafka has all of them."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 20,
            "queue.buffering.max.messages": 1_000_000,
        }
    )
    for number, (symbol, value) in enumerate(messages):
        producer.produce(TOPIC, value, symbol)
        if not number % 100_000:
            producer.flush(120)
    if producer.flush(120):
        raise SystemExit("Kafka did not take the backlog within 120 s")


def bar(symbol: str, start: dt.datetime, close: float, volume: int, later: int = 0) -> str:
    """The message of a bar that starts at `start` (UTC), fetched `later` seconds after its first version."""
    ts = f"{start:%Y-%m-%dT%H:%M:00Z}"
    return (
        f'{{"source":"alpha_vantage","symbol":"{symbol}","interval":"1min","ts":"{ts}","open":"{close:.4f}",'
        f'"high":"{close + 0.1:.4f}","low":"{close - 0.1:.4f}","close":"{close:.4f}","volume":"{volume}",'
        f'"fetched_at":"2026-01-02T00:00:0{later}.000000Z","run_id":"scheduled__2026-01-02T00:00:00+00:00"}}'
    )


def empty_tables(environment: dict[str, str]) -> None:
    """Empties what a load writes and puts the ledger at the topic's start."""
    admin = AdminClient({"bootstrap.servers": environment["MARKETPULSE_KAFKA_BOOTSTRAP"]})
    topics = TopicCollection(["market.bars.v1", "market.bars.backfill.v1"])
    cluster = admin.describe_cluster().result().cluster_id
    owner = environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader", "marketpulse_owner")
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute(
            "TRUNCATE raw.bars, market.bars_1m, market.bar_revisions, analytics.indicators_1m, ops.kafka_offsets,"
            " ops.bar_confirmations, ops.redrives, ops.dead_letters, ops.batch_ranges, ops.batches"
        )
        for symbol in SYMBOLS:
            connection.execute(
                "INSERT INTO market.instruments VALUES (%s, 'Benchmark', 'equity', 'XNYS', 'USD')"
                " ON CONFLICT DO NOTHING",
                [symbol],
            )
        for topic, future in admin.describe_topics(topics).items():
            description = future.result()
            for partition in description.partitions:
                connection.execute(
                    "INSERT INTO ops.kafka_offsets (topic, partition, cluster_id, topic_id, next_offset)"
                    " VALUES (%s, %s, %s, %s, 0)",
                    [topic, partition.id, cluster, str(description.topic_id)],
                )
