from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from marketpulse import metrics

from tests.sent_metrics import receiving_metrics


@pytest.fixture(autouse=True)
def own_client() -> Iterator[None]:
    """A client of this test's own, closed at its end."""
    metrics._client.cache_clear()
    yield
    client = metrics._client()
    if client:
        client.close()
    metrics._client.cache_clear()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with receiving_metrics(monkeypatch) as receiver:
        yield receiver


def test_lines_on_the_wire(receiver: socket.socket) -> None:
    metrics.count("bars_published", 3, source="alpha_vantage")
    metrics.count("vendor_requests", 1, source="alpha_vantage", outcome="ok")
    metrics.gauge("published_age_seconds", 2.5, source="alpha_vantage")
    metrics.timing("vendor_request_duration", 0.25, source="alpha_vantage")

    assert [receiver.recv(1024).decode() for _ in range(4)] == [
        "marketpulse.bars_published,source=alpha_vantage:3|c",
        "marketpulse.vendor_requests,outcome=ok,source=alpha_vantage:1|c",
        "marketpulse.published_age_seconds,source=alpha_vantage:2.5|g",
        "marketpulse.vendor_request_duration,source=alpha_vantage:250.000000|ms",
    ]


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("", ""),
        ("127.0.0.1", "not a port"),
        ("no-such-host.invalid", "9125"),
        ("127.0.0.1", "1"),
        ("255.255.255.255", "9125"),
    ],
)
def test_nothing_to_send_to_fails_nothing(monkeypatch: pytest.MonkeyPatch, host: str, port: str) -> None:
    monkeypatch.setenv("STATSD_HOST", host)
    monkeypatch.setenv("STATSD_PORT", port)

    metrics.count("bars_published", 1)
    metrics.gauge("published_age_seconds", 1.0)
    metrics.timing("vendor_request_duration", 1.0)


def test_a_full_socket_is_not_waited_for(receiver: socket.socket) -> None:
    client = metrics._client()

    assert client
    assert client._sock.getblocking() is False
