"""A real statsd-exporter with our mapping."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.local_stack import REPOSITORY, TOOLS, free_ports


@dataclass(frozen=True)
class Exporter:
    """One that runs.

    Attributes:
        process: Its process.
        port: Where it takes StatsD lines, by UDP.
        url: Its page of metrics.
    """

    process: subprocess.Popen[bytes]
    port: int
    url: str


@contextmanager
def running_exporter(*options: str) -> Iterator[Exporter]:
    """Starts one; it is killed at the end, whatever became of it."""
    web, port = free_ports(2)
    command = [
        str(TOOLS / "bin" / "statsd_exporter"),
        f"--web.listen-address=127.0.0.1:{web}",
        f"--statsd.listen-udp=127.0.0.1:{port}",
        "--statsd.listen-tcp=",
        f"--statsd.mapping-config={REPOSITORY / 'monitoring' / 'statsd' / 'mapping.yml'}",
        *options,
    ]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            deadline = time.monotonic() + 20
            while not _listens(web):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            yield Exporter(process, port, f"http://127.0.0.1:{web}/metrics")
        finally:
            process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
