"""What this process has sent as metrics."""

from __future__ import annotations

import socket


def sent_lines(receiver: socket.socket) -> list[str]:
    """All StatsD lines that wait at the receiver."""
    receiver.settimeout(0.2)
    lines = []
    try:
        while True:
            lines.append(receiver.recv(1024).decode())
    except TimeoutError:
        return lines
