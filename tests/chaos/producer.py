"""Produces messages and learns from the delivery reports where Kafka put each."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Record

from tests.chaos.expectation import Place
from tests.chaos.messages import Message

_ACKNOWLEDGED_SECONDS = 120


class NotDelivered(Exception):
    """Kafka did not acknowledge every message: the chaos run itself is broken, not the loader."""


def produce(
    bootstrap: str, messages: Sequence[Message], *, in_the_middle: Callable[[], None] | None = None
) -> dict[Place, Message]:
    """Produces as the project's publisher does: idempotent, acknowledged by all replicas, keyed like Java.

    Args:
        bootstrap: host:port of the broker.
        messages: What to produce, in this order.
        in_the_middle: Called while the second half is on its way.

    Raises:
        NotDelivered: A message was not acknowledged, or two were reported at one place.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "message.max.bytes": 8 * 1024 * 1024,
            "batch.num.messages": 25,
            "linger.ms": 0,
            "log_level": 0,
        }
    )
    delivered: dict[Place, Message] = {}
    errors: list[str] = []

    def report(message: Message) -> Callable[[KafkaError | None, Record], None]:
        def on_delivery(error: KafkaError | None, record: Record) -> None:
            topic, partition, offset = record.topic(), record.partition(), record.offset()
            if error is not None or topic is None or partition is None or offset is None:
                errors.append(str(error))
            else:
                delivered[Place(topic, partition, offset)] = message

        return on_delivery

    half = len(messages) // 2
    for part, then in ((messages[:half], None), (messages[half:], in_the_middle)):
        for message in part:
            producer.produce(message.topic, message.value, message.key, on_delivery=report(message))
            producer.poll(0)
        if then is not None:
            then()
        producer.flush(_ACKNOWLEDGED_SECONDS)
    if errors or len(delivered) != len(messages):
        raise NotDelivered(f"{len(delivered)} of {len(messages)} messages were acknowledged: {errors[:3]}")
    return delivered
