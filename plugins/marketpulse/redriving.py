"""Publishing what people asked for: dead letters, mended or as they were, to their own topic again."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Any

import psycopg
from confluent_kafka import KafkaError, Message, Producer

from marketpulse import metrics
from marketpulse.actions import ACTIONS_TOPIC
from marketpulse.bars import BACKFILL_TOPIC, LIVE_TOPIC
from marketpulse.errors import MarketPulseError
from marketpulse.news import NEWS_TOPIC
from marketpulse.publishing import NotAcknowledged, Publisher
from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 20
LOCK_SECONDS = 5
#: The field whose text is the key of a topic's messages, as the publishers have it.
KEY_FIELDS = {LIVE_TOPIC: "symbol", BACKFILL_TOPIC: "symbol", ACTIONS_TOPIC: "symbol", NEWS_TOPIC: "article_id"}

log = logging.getLogger(__name__)


class KeyUnknown(MarketPulseError):
    """A message does not say what its key is, and without it the message would go to any partition."""


class LettersWait(MarketPulseError):
    """Kafka has not acknowledged everything; the rest stays requested."""


def message_key(topic: str, payload: bytes) -> bytes:
    """The key under which a message belongs into a topic.

    Raises:
        KeyUnknown: The topic is none of ours, or the message names no key.
    """
    field = KEY_FIELDS.get(topic)
    if field is None:
        raise KeyUnknown(f"{topic} is no topic that is published to. Next: discard the letter.")
    try:
        document = json.loads(payload)
    except ValueError as error:
        raise KeyUnknown(f"the message is no JSON: {error}. Next: mend its text.") from None
    key = document.get(field) if isinstance(document, dict) else None
    if not isinstance(key, str) or not key:
        raise KeyUnknown(f"the message has no {field}, which is its key. Next: mend its text.")
    # A lone half of a surrogate pair is text to JSON and not to UTF-8; the loader refuses it with a name.
    return key.encode(errors="replace")


class LetterPublisher(Publisher):
    """A `Publisher` of messages as they are, which tells where each one went."""

    def __init__(self, topic: str, run_id: str, producer: Producer | None = None) -> None:
        super().__init__(topic, run_id, producer)
        self.places: dict[int, tuple[int, int]] = {}

    def send(self, redrive_id: int, key: bytes, payload: bytes) -> None:
        """Queue one message; once it is acknowledged, `places` has its partition and offset."""

        def delivered(error: KafkaError | None, message: Message) -> None:
            self._on_delivery(error, message)
            partition, offset = message.partition(), message.offset()
            if error is None and partition is not None and offset is not None:
                self.places[redrive_id] = (partition, offset)

        self._produce(key, payload, delivered)


def publish_requested(run_id: str) -> Counter[str]:
    """Publish everything that is requested; returns how many messages went to which topic.

    A request is locked until it is recorded, so that no other run publishes it too. A crash in between leaves it
    requested, and the message is published once more: an observation that is repeated changes nothing.

    Args:
        run_id: For the history.

    Raises:
        LettersWait: Kafka did not take all; what it took is recorded.
    """
    published: Counter[str] = Counter()
    problems = []
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        for (topic,) in connection.execute(sql("ops/redrives/topics.sql")).fetchall():
            try:
                while _publish_some(connection, topic, run_id, published):
                    pass
            except NotAcknowledged as error:
                problems.append(str(error))
            metrics.count("dead_letters_redriven", published[topic], topic=topic)
    if problems:
        raise LettersWait("\n".join(problems))
    return +published


def _publish_some(connection: psycopg.Connection, topic: str, run_id: str, published: Counter[str]) -> bool:
    """Publish and record the oldest requests of a topic in one transaction; false when there are none."""
    with connection.transaction():
        requests = connection.execute(sql("ops/redrives/take.sql"), {"topic": topic}).fetchall()
        if not requests:
            return False
        publisher = LetterPublisher(topic, run_id)
        refused, failure = [], None
        for redrive_id, payload in requests:
            try:
                publisher.send(redrive_id, message_key(topic, payload), payload)
            except KeyUnknown as error:
                refused.append({"redrive_id": redrive_id, "run_id": run_id, "why": str(error)})
        try:
            publisher.finish()
        except NotAcknowledged as error:
            failure = error
        with connection.cursor() as cursor:
            cursor.executemany(sql("ops/redrives/record_refused.sql"), refused)
            cursor.executemany(sql("ops/redrives/record_published.sql"), _records(publisher, topic, run_id))
        published[topic] += len(publisher.places)
    log.info("%s: %d published, %d refused", topic, len(publisher.places), len(refused))
    if failure:
        raise failure
    return True


def _records(publisher: LetterPublisher, topic: str, run_id: str) -> list[dict[str, Any]]:
    return [
        {"redrive_id": redrive_id, "run_id": run_id, "topic": topic, "partition": partition, "offset": offset}
        for redrive_id, (partition, offset) in publisher.places.items()
    ]
