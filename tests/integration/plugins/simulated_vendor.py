"""A simulator of the tests' own."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.local_stack import REPOSITORY, TOOLS

SIMULATED_NOW = datetime.now(UTC).replace(second=0, microsecond=0)


@contextmanager
def run_simulator(port: int | str, log: Path, **variables: str) -> Iterator[httpx.Client]:
    """A running simulator whose clock stands, so that no test meets a change of the minute; its admin client."""
    command = [str(TOOLS / "venvs/stack/bin/python"), "-m", "uvicorn", "simulator.app:create_app", "--factory"]
    clock = {"SIM_CLOCK_START": SIMULATED_NOW.isoformat(), "SIM_CLOCK_SPEED": "0.001"}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            cwd=REPOSITORY,
            env={**os.environ, **clock, **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        try:
            _wait_until_healthy(client, log)
            yield client
        finally:
            process.terminate()


def _wait_until_healthy(client: httpx.Client, log: Path) -> None:
    for _ in range(300):
        try:
            if client.get("/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the simulator does not start:\n{log.read_text()}")
