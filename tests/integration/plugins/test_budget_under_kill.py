"""The vendor's limits under many processes, counted by a vendor that knows nothing of how they are kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from marketpulse.config import SourceSettings
from marketpulse.sources.budget import Purpose

from tests.integration.plugins.governed import limited, spent
from tests.local_stack import REPOSITORY

WORKER = Path(__file__).with_name("budget_worker.py")
LIVE, GAPS, HISTORY = Purpose.LIVE, Purpose.GAPS, Purpose.HISTORY
SECOND, MINUTE, DAY = 1.0, 60.0, 86_400.0


def most_within(seconds: float, moments: Sequence[float]) -> int:
    """The most of the moments that any window of that length holds."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def soonest(count: int, settings: SourceSettings, earlier: Sequence[float], start: float) -> float:
    """When the last of so many requests could be sent at the earliest, whoever keeps the limits."""
    moments = list(earlier)
    for _ in range(count):
        moment = start
        for seconds, limit in ((SECOND, settings.requests_per_second), (MINUTE, settings.requests_per_minute)):
            if len(moments) >= limit:
                moment = max(moment, moments[-limit] + seconds)
        moments.append(moment)
    return moments[-1]


class Vendor:
    """Counts what is sent to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.touch()

    def requests(self) -> list[tuple[float, Purpose]]:
        lines = (line.split() for line in self.path.read_text().splitlines())
        return sorted((int(moment) / 1e9, Purpose(purpose)) for moment, purpose in lines)

    def count(self) -> int:
        with self.path.open("rb") as file:
            return sum(1 for _ in file)


@pytest.fixture
def vendor(tmp_path: Path) -> Vendor:
    return Vendor(tmp_path / "requests")


class Workers(ExitStack):
    """Processes that spend a vendor's budget; those that still run at the end are killed."""

    def __init__(self, settings: SourceSettings, vendor: Vendor, environment: dict[str, str]) -> None:
        super().__init__()
        self._environment = {**os.environ, **environment, "PYTHONPATH": str(REPOSITORY / "plugins")}
        self._arguments = (settings.model_dump_json(), str(vendor.path))
        self.running: list[tuple[Purpose, subprocess.Popen[bytes]]] = []

    def start(self, *purposes: Purpose) -> None:
        """Starts one for each purpose; they wait for `go`."""
        for purpose in purposes:
            settings, path = self._arguments
            command = [sys.executable, str(WORKER), settings, purpose, path]
            pipe = subprocess.PIPE
            process = self.enter_context(subprocess.Popen(command, env=self._environment, stdin=pipe, stdout=pipe))
            self.callback(process.kill)
            self.running.append((purpose, process))

    def wait_until_ready(self) -> None:
        """Waits until all have loaded what they need."""
        for _, process in self.running:
            assert process.stdout
            assert process.stdout.read(5) == b"ready"

    def go(self) -> None:
        """Lets those begin that wait."""
        for _, process in self.running:
            assert process.stdin
            process.stdin.close()

    def kill(self, purpose: Purpose) -> None:
        """Sends SIGKILL to the one that has run longest for this purpose."""
        victim = next(each for each in self.running if each[0] is purpose)
        self.running.remove(victim)
        victim[1].kill()
        assert victim[1].wait() == -signal.SIGKILL


def sent_before(settings: SourceSettings, moments: Sequence[float], owner_dsn: str) -> None:
    """Has the budget know of requests that were sent earlier today."""
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(
            "INSERT INTO ops.api_budget (source, day, live, number, granted_at)"
            " SELECT %s, (to_timestamp(%s) AT TIME ZONE %s)::date, %s, %s, to_timestamp(%s)",
            (settings.name, moments[-1], settings.day_zone, len(moments), len(moments), moments[-1]),
        )
        with connection.cursor().copy("COPY ops.api_grants FROM STDIN") as copy:
            for number, moment in enumerate(moments, start=1):
                copy.write_row((settings.name, number, "live", datetime.fromtimestamp(moment, UTC)))


def test_eight_processes_and_kill_9_never_exceed_a_limit(
    task_environment: dict[str, str], vendor: Vendor, owner_dsn: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # With those of the last half minute, more than a minute allows.
    settings = limited(per_second=300, per_minute=10_500, per_day=13_000)
    with Workers(settings, vendor, task_environment) as workers:
        workers.start(LIVE, LIVE, LIVE, LIVE, GAPS, GAPS, HISTORY, HISTORY)
        workers.wait_until_ready()
        earlier = [time.time() - 30 + number / 300 for number in range(3000)]
        sent_before(settings, earlier, owner_dsn)
        workers.go()
        for killed_at in (2000, 4000):
            wait_until(vendor, killed_at)
            for purpose in (LIVE, GAPS, HISTORY):
                workers.kill(purpose)
                workers.start(purpose)
            workers.go()
        wait_until(vendor, 6000)
        for _ in range(4):
            workers.kill(LIVE)
        live_ended_at = time.time()
        assert [process.wait(timeout=300) for _, process in workers.running] == [0] * 4

    requests = vendor.requests()
    new = [moment for moment, _ in requests]
    took, ideal = new[-1] - new[0], soonest(len(new), settings, earlier, new[0]) - new[0]
    with capsys.disabled():
        sys.stdout.write(f"\n{len(new)} requests in {took:.1f} s; an ideal limiter takes {ideal:.1f} s\n")
    moments = [*earlier, *new]
    assert most_within(SECOND, moments) <= 300
    assert most_within(MINUTE, moments) <= 10_500
    assert most_within(DAY, moments) <= 13_000
    # The day's budget is used up; a process that was killed took along what it had been granted and not sent yet.
    assert spent(settings, owner_dsn) == 13_000
    assert 9_940 <= len(new) <= 10_000
    # Half of the takers were live, and while one of them waited no other was served; the same among the rest.
    before = Counter(purpose for moment, purpose in requests if moment < live_ended_at)
    after = Counter(purpose for moment, purpose in requests if moment >= live_ended_at)
    assert before[LIVE] > 2 * (before[GAPS] + before[HISTORY])
    assert after[GAPS] > 2 * after[HISTORY]
    # On a machine with time to spare it is above 0.9; others' work takes processors from the workers, not grants.
    assert ideal / took >= 0.5


def wait_until(vendor: Vendor, count: int) -> None:
    deadline = time.monotonic() + 300
    while vendor.count() < count:
        assert time.monotonic() < deadline, f"{vendor.count()} of {count} requests"
        time.sleep(0.02)
