from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from confluent_kafka import Producer
from marketpulse.bars import LIVE_TOPIC, Bar
from marketpulse.publishing import REQUIRED_SETTINGS, BarPublisher, NotAcknowledged, _StrictProducerHook

NOW = datetime(2026, 5, 15, 20, 0, 1, tzinfo=UTC)


def bars(count: int) -> list[Bar]:
    start = datetime(2026, 5, 15, tzinfo=UTC)
    return [
        Bar("alpha_vantage", f"S{n % 7}", "1min", start + timedelta(minutes=n), "1", "1", "1", "1", "1")
        for n in range(count)
    ]


def producer(**settings: object) -> Producer:
    """Librdkafka's own broker, in this process."""
    return Producer({**REQUIRED_SETTINGS, "test.mock.num.brokers": 1, "log_level": 0, **settings})


def test_every_message_is_acknowledged_and_counted() -> None:
    publisher = BarPublisher(LIVE_TOPIC, "test", producer())
    publisher.send(bars(500), NOW)

    published = publisher.finish()

    assert published.messages == 500
    assert sum(last - first + 1 for first, last in published.offsets.values()) == 500


def test_a_queue_that_is_full_is_waited_for() -> None:
    publisher = BarPublisher(LIVE_TOPIC, "test", producer(**{"queue.buffering.max.messages": 50}))
    publisher.send(bars(500), NOW)

    assert publisher.finish().messages == 500


def test_nothing_sent_is_nothing_published() -> None:
    assert BarPublisher(LIVE_TOPIC, "test", producer()).finish().messages == 0


def test_a_message_that_is_not_acknowledged_is_an_error() -> None:
    away = Producer(
        {
            **REQUIRED_SETTINGS,
            "bootstrap.servers": "127.0.0.1:1",
            "delivery.timeout.ms": 300,
            "socket.timeout.ms": 200,
            "log_level": 0,
        }
    )
    publisher = BarPublisher(LIVE_TOPIC, "test", away)
    publisher.send(bars(3), NOW)
    began = time.monotonic()

    with pytest.raises(NotAcknowledged, match=r"market\.bars\.v1: 3 messages not acknowledged: .*Next: "):
        publisher.finish()
    assert time.monotonic() - began < 5


def test_the_connection_cannot_weaken_what_exactly_once_rests_on() -> None:
    hook = _StrictProducerHook()

    weak = {"bootstrap.servers": "127.0.0.1:1", "acks": "0", "enable.idempotence": False, "log_level": 0}

    # librdkafka refuses idempotence with acks=0: building this at all shows that the settings won.
    assert isinstance(hook._get_client(weak), Producer)
