"""What a load sends as metrics, and that it never fails or waits for one."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.metrics import LoadMetrics
from marketpulse_spark.ranges import RangeCount

from tests.sent_metrics import receiving_metrics

COUNT = RangeCount(OffsetRange("market.bars.v1", 0, 0, 6), 6, 1, 2, 3, None)


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with receiving_metrics(monkeypatch) as receiver:
        yield receiver


def send_all(metrics: LoadMetrics) -> None:
    metrics.batch([COUNT], 1.5)
    metrics.hops({"kafka": -0.0004, "commit": 2.5})
    metrics.backlog(7)


def test_lines_on_the_wire(receiver: socket.socket) -> None:
    metrics = LoadMetrics("bars")
    send_all(metrics)
    assert [receiver.recv(1024).decode() for _ in range(7)] == [
        "marketpulse.batch_duration,dataset=bars:1500.000000|ms",
        "marketpulse.bars_loaded,topic=market.bars.v1:3|c",
        "marketpulse.bars_duplicate,topic=market.bars.v1:2|c",
        "marketpulse.dead_letters,topic=market.bars.v1:1|c",
        "marketpulse.hop,dataset=bars,hop=kafka:0.000000|ms",
        "marketpulse.hop,dataset=bars,hop=commit:2500.000000|ms",
        "marketpulse.kafka_backlog_messages,dataset=bars:7|g",
    ]
    metrics.close()


@pytest.mark.parametrize(
    ("host", "port"),
    [("127.0.0.1", "1"), ("127.0.0.1", "not a port"), ("no-such-host.invalid", "9125"), ("255.255.255.255", "9125")],
)
def test_nothing_to_send_to_fails_nothing(monkeypatch: pytest.MonkeyPatch, host: str, port: str) -> None:
    monkeypatch.setenv("STATSD_HOST", host)
    monkeypatch.setenv("STATSD_PORT", port)
    metrics = LoadMetrics("bars")
    for _ in range(3):
        send_all(metrics)
    metrics.close()


def test_a_full_socket_is_not_waited_for(receiver: socket.socket) -> None:
    metrics = LoadMetrics("bars")
    assert metrics._client._sock.getblocking() is False
    metrics.close()
