from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
from marketpulse import metrics


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
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        monkeypatch.setenv("STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("STATSD_PORT", str(sock.getsockname()[1]))
        yield sock


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
    ("host", "port"), [("", ""), ("127.0.0.1", "not a port"), ("no-such-host.invalid", "9125"), ("127.0.0.1", "1")]
)
def test_nothing_to_send_to_fails_nothing(monkeypatch: pytest.MonkeyPatch, host: str, port: str) -> None:
    monkeypatch.setenv("STATSD_HOST", host)
    monkeypatch.setenv("STATSD_PORT", port)

    metrics.count("bars_published", 1)
    metrics.gauge("published_age_seconds", 1.0)
    metrics.timing("vendor_request_duration", 1.0)
