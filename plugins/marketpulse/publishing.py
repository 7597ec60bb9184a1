"""Publishing to Kafka: idempotent, every delivery report checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow.providers.apache.kafka.hooks.produce import KafkaProducerHook
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from marketpulse.actions import CorporateAction, encode_action
from marketpulse.bars import Bar, arrival, encode
from marketpulse.errors import MarketPulseError
from marketpulse.news import Article, encode_article

KAFKA_CONNECTION = "kafka_default"
ACKNOWLEDGED_WITHIN_SECONDS = 15

OnDelivery = Callable[[KafkaError | None, Message], None]

# What exactly-once rests on: no connection setting overrides it. The partitioner is Java's, so that a symbol's live and
# backfill messages share a partition number whoever produced them.
REQUIRED_SETTINGS: dict[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",
    "delivery.timeout.ms": ACKNOWLEDGED_WITHIN_SECONDS * 1000,
    "socket.timeout.ms": 10_000,
    "socket.connection.setup.timeout.ms": 5_000,
    "linger.ms": 5,
    "compression.type": "lz4",
}


class NotAcknowledged(MarketPulseError):
    """Kafka has not acknowledged every message; nothing of the run is recorded as published."""

    def __init__(self, topic: str, missing: int, reason: str) -> None:
        super().__init__(
            f"{topic}: {missing} messages not acknowledged: {reason}. Next: check that Kafka is up and has the topic; "
            "the next run publishes the same again, and the loader drops doubles."
        )


@dataclass(slots=True)
class Published:
    """What Kafka has acknowledged.

    Attributes:
        messages: How many messages.
        offsets: Partition to the lowest and highest offset that one of them got.
    """

    messages: int = 0
    offsets: dict[int, tuple[int, int]] = field(default_factory=dict)


class _StrictProducerHook(KafkaProducerHook):
    def _get_client(self, config: dict[str, Any]) -> Producer:
        return Producer({**config, **REQUIRED_SETTINGS})


class Publisher:
    """Sends messages to one topic.

    Args:
        topic: Where to.
        run_id: What fetched the data; part of each message.
        producer: Stands in for the connection's producer in tests.
    """

    def __init__(self, topic: str, run_id: str, producer: Producer | None = None) -> None:
        self._topic = topic
        self._run_id = run_id
        self._producer = producer or _StrictProducerHook(KAFKA_CONNECTION).get_conn
        self._sent = 0
        self._published = Published()
        self._first_refusal: KafkaError | None = None

    def finish(self) -> Published:
        """Wait until every message is acknowledged.

        Raises:
            NotAcknowledged: One was not.
        """
        # Longer than the delivery time-out, so that each message ends with its own report.
        waiting = self._producer.flush(ACKNOWLEDGED_WITHIN_SECONDS + 5)
        missing = self._sent - self._published.messages
        if waiting or missing:
            reason = self._first_refusal.str() if self._first_refusal else f"{waiting} still waiting"
            raise NotAcknowledged(self._topic, missing, reason)
        return self._published

    def _produce(self, key: bytes, value: bytes, on_delivery: OnDelivery | None = None) -> None:
        deadline = time.monotonic() + ACKNOWLEDGED_WITHIN_SECONDS
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=on_delivery or self._on_delivery)
            except BufferError:
                if time.monotonic() > deadline:
                    raise NotAcknowledged(self._topic, self._sent, "its queue stays full") from None
                self._producer.poll(0.1)
            except KafkaException as error:
                raise NotAcknowledged(self._topic, 1, str(error.args[0])) from None
            else:
                self._sent += 1
                if self._sent % 1000 == 0:
                    self._producer.poll(0)
                return

    def _on_delivery(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._first_refusal = self._first_refusal or error
            return
        self._published.messages += 1
        partition, offset = message.partition(), message.offset()
        if partition is not None and offset is not None:
            first, last = self._published.offsets.get(partition, (offset, offset))
            self._published.offsets[partition] = (min(first, offset), max(last, offset))


class BarPublisher(Publisher):
    """A `Publisher` of bars."""

    def send(self, bars: Iterable[Bar], fetched_at: datetime) -> None:
        """Queue bars; they are published when `finish` returns.

        Args:
            bars: What to send.
            fetched_at: When the vendor's answer arrived; aware, UTC.

        Raises:
            NotAcknowledged: Kafka does not take what is queued, within a bounded time.
        """
        arrived = arrival(fetched_at)
        for bar in bars:
            self._produce(bar.symbol.encode(), encode(bar, arrived, self._run_id))


class ActionPublisher(Publisher):
    """A `Publisher` of splits and dividends."""

    def send(self, actions: Iterable[CorporateAction], fetched_at: datetime) -> None:
        """Queue actions, as `BarPublisher.send` does bars."""
        arrived = arrival(fetched_at)
        for action in actions:
            self._produce(action.symbol.encode(), encode_action(action, arrived, self._run_id))


class ArticlePublisher(Publisher):
    """A `Publisher` of news."""

    def send(self, articles: Iterable[Article], fetched_at: datetime) -> None:
        """Queue articles, as `BarPublisher.send` does bars."""
        arrived = arrival(fetched_at)
        for article in articles:
            self._produce(article.article_id.encode(), encode_article(article, arrived, self._run_id))
