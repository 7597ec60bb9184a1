"""Set-up commands: run with a log file and a sign of life, and ended together with us."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from marketpulse_stack.console import step_progress
from marketpulse_stack.errors import StepFailedError

PROGRESS_SECONDS = 10.0
_running: dict[int, subprocess.Popen[bytes]] = {}
_running_lock = threading.Lock()
_cancelled = threading.Event()


class CancelledError(Exception):
    """Another step failed or the user interrupted: this one was ended."""


def run_logged(
    name: str,
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    environment: Mapping[str, str],
    fix: str,
    timeout: float,
    cwd: Path,
    stdin_text: str | None = None,
) -> str:
    """Runs a command to its end and returns what it printed, which is also in the log.

    Raises:
        StepFailedError: It failed or took longer than `timeout` seconds; carries the log's last lines.
        CancelledError: `cancel_all` was called.
    """
    if _cancelled.is_set():
        raise CancelledError(name)
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [os.fspath(part) for part in command],
            stdin=subprocess.PIPE if stdin_text is not None else subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(environment),
            cwd=cwd,
            process_group=0,
        )
    with _running_lock:
        _running[process.pid] = process
    try:
        if stdin_text is not None and process.stdin is not None:
            process.stdin.write(stdin_text.encode())
            process.stdin.close()
        _wait(name, process, log, started, timeout)
    finally:
        end_group(process)
        with _running_lock:
            del _running[process.pid]
    if _cancelled.is_set():
        raise CancelledError(name)
    if process.returncode != 0:
        took = time.monotonic() - started
        reason = f"took longer than {timeout:.0f} s" if took >= timeout else f"ended with code {process.returncode}"
        raise StepFailedError(f"{name} {reason} (log: {log}).", fix=fix, details=last_lines(log))
    return log.read_text(errors="replace")


def _wait(name: str, process: subprocess.Popen[bytes], log: Path, started: float, timeout: float) -> None:
    while (elapsed := time.monotonic() - started) < timeout:
        try:
            process.wait(min(PROGRESS_SECONDS, timeout - elapsed))
        except subprocess.TimeoutExpired:
            step_progress(name, time.monotonic() - started, (last_lines(log, 1) or "working").strip())
        else:
            return


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Ends a process started with a process group of its own, and what it left behind there."""
    with contextlib.suppress(ProcessLookupError):  # Nothing left, which is the rule.
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def cancel_all() -> None:
    """Ends every running command; those that wait for one get `CancelledError`."""
    _cancelled.set()
    with _running_lock:
        for pid in _running:
            try:
                os.killpg(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # Ended by itself just now.


def cancelled() -> bool:
    """Whether `cancel_all` was called."""
    return _cancelled.is_set()


def last_lines(log: Path, count: int = 15) -> str:
    """The last lines of a log that are not empty, progress bars taken at their last state."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 20_000))
        text = file.read().decode(errors="replace")
    lines = [line.rsplit("\r", 1)[-1].rstrip() for line in text.rstrip("\r\n").splitlines()]
    return "\n".join([line for line in lines if line][-count:])
