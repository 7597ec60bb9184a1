"""What this process has sent as metrics."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def receiving_metrics(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where clients that are made from now on send to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(5)
        monkeypatch.setenv("STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("STATSD_PORT", str(receiver.getsockname()[1]))
        yield receiver


def sent_lines(receiver: socket.socket) -> list[str]:
    """All StatsD lines that wait at the receiver."""
    receiver.settimeout(0.2)
    lines = []
    try:
        while True:
            lines.append(receiver.recv(1024).decode())
    except TimeoutError:
        return lines
