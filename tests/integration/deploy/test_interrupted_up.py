"""A `make up` that is interrupted leaves a stack that can be stopped, and started again."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from marketpulse_stack import postgres
from marketpulse_stack.processes import stack_processes, supervisor_process
from marketpulse_stack.settings import REPOSITORY, Settings, load_settings

from tests.local_stack import stack_variables

COMMAND = [sys.executable, "-m", "marketpulse_stack"]


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """Variables of a stack that does not run yet."""
    with tempfile.TemporaryDirectory(prefix="mp-") as folder:
        variables = stack_variables(Path(folder) / "state")
        try:
            yield variables
        finally:
            _run(variables, "down")


def _run(environment: dict[str, str], *arguments: str) -> str:
    finished = subprocess.run(
        [*COMMAND, *arguments],
        env=environment,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def _interrupt_up(environment: dict[str, str], settings: Settings, number: signal.Signals) -> str:
    with subprocess.Popen(
        [*COMMAND, "up", "--only", "postgres,kafka"],
        env=environment,
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        deadline = time.monotonic() + 60
        while supervisor_process(settings) is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        time.sleep(1)  # In the middle of initdb and of formatting Kafka's storage.
        process.send_signal(number)
        return process.communicate(timeout=60)[0]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_down_ends_what_an_interrupted_up_left(environment: dict[str, str], number: signal.Signals) -> None:
    settings = load_settings(environment)
    output = _interrupt_up(environment, settings, number)
    if number != signal.SIGKILL:
        assert "Interrupted." in output
        assert "Traceback" not in output
    assert "MarketPulse is down" in _run(environment, "down")
    assert stack_processes(settings) == []
    home = str(settings.home)
    command_lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in command_lines if home in line] == []


def test_up_continues_after_an_interruption(environment: dict[str, str]) -> None:
    settings = load_settings(environment)
    _interrupt_up(environment, settings, signal.SIGINT)
    assert "MarketPulse is up" in _run(environment, "up", "--only", "postgres,kafka")
    assert postgres.not_ready(settings) == ""
    assert "nothing was changed" in _run(environment, "up", "--only", "postgres,kafka")
    assert Path(settings.secrets / "pgpass").stat().st_mode & 0o077 == 0
