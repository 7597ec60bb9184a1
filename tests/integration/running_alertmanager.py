"""A real Alertmanager with our configuration."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import yaml

from tests.local_stack import REPOSITORY, TOOLS, free_ports

RULES = REPOSITORY / "monitoring" / "prometheus" / "rules"
#: The labels that each rule gives its alert.
LABELS: dict[str, dict[str, str]] = {
    rule["alert"]: rule["labels"]
    for path in RULES.glob("*.yml")
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}


@contextmanager
def running_alertmanager(storage: Path) -> Iterator[httpx.Client]:
    """Starts one without alerts; yields a client of its API."""
    (port,) = free_ports(1)
    command = [
        str(TOOLS / "bin" / "alertmanager"),
        f"--config.file={REPOSITORY / 'monitoring' / 'alertmanager' / 'alertmanager.yml'}",
        f"--storage.path={storage}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v2", trust_env=False) as client,
    ):
        try:
            wait_until(lambda: client.get("/status").is_success)
            yield client
        finally:
            process.terminate()


def wait_until(condition: Callable[[], object]) -> None:
    """Waits for an Alertmanager that may not be listening yet."""
    deadline = time.monotonic() + 20
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass  # Not listening yet.
        assert time.monotonic() < deadline
        time.sleep(0.05)
