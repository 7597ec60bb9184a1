"""A real PostgreSQL and a real Kafka for the integration tests, whichever environment they run in."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = REPOSITORY / os.environ.get("MARKETPULSE_TOOLS", ".tools")
PORT_VARIABLES = (
    "POSTGRES_PORT",
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "AIRFLOW_PORT",
    "SIMULATOR_PORT",
    "STATSD_PORT",
    "STATSD_EXPORTER_PORT",
    "PROMETHEUS_PORT",
)
STACK_SECONDS = 180


def free_ports(count: int) -> list[int]:
    """Ports on 127.0.0.1 that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _stack(environment: Mapping[str, str], *arguments: str) -> None:
    finished = subprocess.run(
        [TOOLS / "venvs" / "stack" / "bin" / "python", "-m", "marketpulse_stack", *arguments],
        cwd=REPOSITORY,
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=STACK_SECONDS,
        check=False,
    )
    if finished.returncode != 0:
        raise RuntimeError(f"marketpulse_stack {' '.join(arguments)} failed:\n{finished.stdout}")


@pytest.fixture(scope="session")
def stack_environment() -> Iterator[dict[str, str]]:
    """Boots PostgreSQL (migrated) and Kafka (topics created) of their own; yields the variables that processes need.

    These are the caller's own variables and those of `$MARKETPULSE_HOME/env`, so that a process started with them
    finds both services and every password (through PGPASSFILE).
    """
    home = Path(tempfile.mkdtemp(prefix="mp-"))
    ports = dict(zip(PORT_VARIABLES, map(str, free_ports(len(PORT_VARIABLES))), strict=True))
    own = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("SIM_", "ALPHA_VANTAGE_"))},
        **ports,
        "MARKETPULSE_HOME": str(home / "state"),
        "MARKETPULSE_ENV_FILE": os.devnull,
        "PYTHONPATH": str(REPOSITORY / "deploy" / "local"),
    }
    try:
        _stack(own, "up", "--only", "postgres,kafka")
        lines = [*(home / "state/env").read_text().splitlines(), *(home / "state/secrets/env").read_text().splitlines()]
        yield {**own, **dict(line.split("=", 1) for line in lines)}
    finally:
        _stack(own, "down")
        shutil.rmtree(home)
