"""Real loaders, started as Airflow starts them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.local_stack import REPOSITORY

SUBMIT = REPOSITORY / "spark_jobs/bin/spark-submit"
LOAD_BARS = REPOSITORY / "spark_jobs/marketpulse_spark/jobs/load_bars.py"
LOAD_NEWS = REPOSITORY / "spark_jobs/marketpulse_spark/jobs/load_news.py"
SECONDS = 240


def submit(
    environment: dict[str, str], job: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs a job to its end."""
    return subprocess.run(
        [SUBMIT, job, *arguments],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


class Loader:
    """A loader that waits at a fault point."""

    def __init__(self, process: subprocess.Popen[str], marker: Path) -> None:
        self._process = process
        self._marker = marker

    def stop(self) -> None:
        """Stops the whole process tree where it stands, as a machine that stalls does."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> tuple[int, str]:
        """Lets it go on; returns its exit code and what it said."""
        self._marker.unlink()
        self._signal(signal.SIGCONT)
        output, _ = self._process.communicate(timeout=SECONDS)
        return self._process.returncode, output

    def end(self) -> None:
        """Kills what is left of the whole tree: no process stays behind."""
        if self._process.poll() is None:
            self._signal(signal.SIGKILL)
            self._process.wait(SECONDS)

    def _signal(self, number: signal.Signals) -> None:
        for pid in tree(self._process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def tree(root: int) -> Sequence[int]:
    """A process and all below it; Spark's Python workers have process groups of their own."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


@contextlib.contextmanager
def loader_held_at(
    environment: dict[str, str], folder: Path, point: str, *arguments: str, job: Path = LOAD_BARS
) -> Iterator[Loader]:
    """Starts a loader and waits until it holds at a fault point."""
    marker = folder / f"at-{point}"
    process = subprocess.Popen(
        [SUBMIT, job, "--run-id", "held", *arguments],
        env={**environment, "MARKETPULSE_FAULT_POINT": point, "MARKETPULSE_FAULT_MARKER": str(marker)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    loader = Loader(process, marker)
    try:
        deadline = time.monotonic() + SECONDS
        while not marker.exists():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield loader
    finally:
        loader.end()
        assert process.stdout is not None
        process.stdout.close()
