"""Steps run as soon as they can, and end together when one fails."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from marketpulse_stack import commands
from marketpulse_stack.commands import CancelledError, run_logged
from marketpulse_stack.errors import StepFailedError
from marketpulse_stack.graph import Step, run_steps
from marketpulse_stack.processes import alive


@pytest.fixture(autouse=True)
def _nothing_stays_cancelled() -> Iterator[None]:
    yield
    commands._cancelled.clear()


def _run(tmp_path: Path, script: str, timeout: float = 30) -> str:
    return run_logged(
        "step",
        ["sh", "-c", script],
        log=tmp_path / f"{abs(hash(script))}.log",
        environment={"PATH": "/usr/bin:/bin"},
        fix="look",
        timeout=timeout,
        cwd=tmp_path,
    )


def test_independent_steps_run_at_the_same_time_and_dependent_ones_after() -> None:
    meeting = threading.Barrier(2, timeout=10)
    order: list[str] = []

    def meet() -> str:
        meeting.wait()
        return ""

    def note() -> str:
        order.append("last")
        return ""

    run_steps([Step("last", note, ("a", "b")), Step("a", meet), Step("b", meet)])
    assert order == ["last"]


def test_failure_ends_what_runs_and_starts_nothing_more(tmp_path: Path) -> None:
    def fail() -> str:
        time.sleep(0.3)
        raise StepFailedError("no", fix="none")

    marker = tmp_path / "started"
    steps = [
        Step("bad", fail),
        Step("slow", lambda: _run(tmp_path, "sleep 60")),
        Step("later", lambda: _run(tmp_path, f"touch {marker}"), ("slow",)),
    ]
    began = time.monotonic()
    with pytest.raises(StepFailedError, match="no"):
        run_steps(steps)
    assert time.monotonic() - began < 10
    assert not marker.exists()


@pytest.mark.parametrize(
    "steps",
    [
        [Step("a", str), Step("a", str)],
        [Step("a", str, ("b",)), Step("b", str, ("a",))],
        [Step("a", str, ("nowhere",))],
    ],
    ids=["same name", "circle", "unknown"],
)
def test_steps_that_could_never_end_are_refused(steps: list[Step]) -> None:
    with pytest.raises(ValueError, match="step"):
        run_steps(steps)


def test_failed_command_carries_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(StepFailedError) as caught:
        _run(tmp_path, "echo first; echo the reason >&2; exit 3")
    assert "ended with code 3" in str(caught.value)
    assert "the reason" in str(caught.value)


def test_command_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    with pytest.raises(StepFailedError, match="took longer than 1 s"):
        _run(tmp_path, f"sleep 60 & echo $! > {pid_file}; wait", timeout=1)
    time.sleep(0.2)
    pid = int(pid_file.read_text())
    assert not psutil.pid_exists(pid) or not alive(psutil.Process(pid))


def test_cancelled_command_says_so(tmp_path: Path) -> None:
    threading.Timer(0.5, commands.cancel_all).start()
    with pytest.raises(CancelledError):
        _run(tmp_path, "sleep 60")
