"""One run of the real load job, by the real spark-submit, that can be stopped, resumed and killed."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from tests.local_stack import REPOSITORY

WritePath = Literal["driver", "executors"]

_TAG = "MARKETPULSE_CHAOS_LOADER"
_RUN_SECONDS = 240
_REACH_SECONDS = 90
_POLL_SECONDS = 0.02
#: A batch up to this size is the driver's: all of a portion, or nothing of it.
_DRIVER_MESSAGES = {"driver": "1000000", "executors": "0"}


class FaultMissed(Exception):
    """The fault did not happen as it should: the chaos run itself is broken, or the job never got there."""


class LoaderHangs(Exception):
    """A run did not end in time: every wait of the job should have a bound."""


class Loader:
    """A process group that runs `load_bars`.

    Args:
        environment: Variables of the services.
        folder: Where its log goes, and the marker of its fault point.
        path: Who writes: the driver, or executors.
        fault_point: Where to hold; empty for a plain run.
        cores: Of Spark's local master.
    """

    def __init__(
        self, environment: Mapping[str, str], folder: Path, path: WritePath, *, fault_point: str = "", cores: int = 2
    ) -> None:
        run_id = uuid.uuid4().hex
        self._tag = f"{folder}/{run_id}"
        self._fault_point = fault_point
        self._marker = folder / f"{run_id}.marker"
        self.log = folder / f"{run_id}.log"
        job = REPOSITORY / "spark_jobs" / "marketpulse_spark" / "jobs" / "load_bars.py"
        fault = {"MARKETPULSE_FAULT_POINT": fault_point, "MARKETPULSE_FAULT_MARKER": str(self._marker)}
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    REPOSITORY / "spark_jobs" / "bin" / "spark-submit", "--master", f"local[{cores}]", job,
                    "--run-id", f"chaos-{run_id}", "--driver-messages", _DRIVER_MESSAGES[path],
                ],
                env={**environment, **(fault if fault_point else {}), _TAG: self._tag},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )  # fmt: skip

    def wait_until_held(self) -> None:
        """Waits until the job holds at its fault point.

        Raises:
            FaultMissed: It ended before, or did not get there in time.
        """
        deadline = time.monotonic() + _REACH_SECONDS
        while not self._marker.exists():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise FaultMissed(f"{self._fault_point} was not reached: see {self.log}")
            time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        """Lets the job go on from its fault point."""
        self._marker.unlink()

    def runs(self) -> bool:
        """Whether the submitted process is there."""
        return self._process.poll() is None

    def wait(self) -> int:
        """Waits for the end; returns the exit code.

        Raises:
            LoaderHangs: It did not come.
        """
        try:
            return self._process.wait(_RUN_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill(everything=True)
            raise LoaderHangs(f"The run did not end within {_RUN_SECONDS} s: see {self.log}") from None

    def kill(self, *, everything: bool) -> None:
        """Kills with SIGKILL: the process group, or also the Python workers, which lead a group of their own."""
        os.killpg(self._process.pid, signal.SIGKILL)
        if everything:
            self._signal(signal.SIGKILL)
        self._process.wait()
        self._marker.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Stops every process of the run, as a machine does that is out of breath."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Resumes every process of the run."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        for pid in _processes(self._tag):
            with contextlib.suppress(ProcessLookupError):  # Ended by itself just now.
                os.kill(pid, number)


def loader_processes(folder: Path) -> list[int]:
    """Every living process that a run with its log in `folder` started."""
    return _processes(f"{folder}/")


def end_loaders(folder: Path) -> None:
    """Kills what an interrupted chaos run leaves behind."""
    for pid in loader_processes(folder):
        with contextlib.suppress(ProcessLookupError):  # Ended by itself just now.
            os.kill(pid, signal.SIGKILL)


def _processes(tag: str) -> list[int]:
    wanted = f"{_TAG}={tag}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue  # Ended meanwhile, or of another user: then it is not ours.
        if any(each.startswith(wanted) for each in variables):
            found.append(int(folder.name))
    return found
