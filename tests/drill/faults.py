"""Every fault of `make drill`: what it breaks in a running stack, how that is mended, and who should be told what."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from confluent_kafka import Producer
from marketpulse_stack import postgres
from marketpulse_stack.supervision import Supervisor

from tests.running_stack import RunningStack

SOURCE = "alpha_vantage"
#: Requests that the drill's plan allows a day: many more than its polls need.
PER_DAY = 20_000
_POISON_MESSAGES = 200
_SLOW_SECONDS = 7.0


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        name: As the table shows it.
        alert: The alert that should fire.
        strike: Breaks something when entered, and mends it when left; what it yields says how it is mended by itself.
    """

    name: str
    alert: str
    strike: Callable[[RunningStack], AbstractContextManager[None]]


def _simulated(**fault: Any) -> Callable[[RunningStack], AbstractContextManager[None]]:
    """The vendor answers otherwise."""

    @contextlib.contextmanager
    def strike(stack: RunningStack) -> Iterator[None]:
        url = f"http://127.0.0.1:{stack.settings.ports.simulator}/admin/faults"
        httpx.post(url, json=fault, timeout=10, trust_env=False).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(url, timeout=10, trust_env=False).raise_for_status()

    return strike


def _killed(service: str) -> Callable[[RunningStack], AbstractContextManager[None]]:
    """A service and all below it get SIGKILL, and supervisord is kept from starting it again."""

    @contextlib.contextmanager
    def strike(stack: RunningStack) -> Iterator[None]:
        supervisor = Supervisor(stack.settings)
        leader = psutil.Process(stack.pids()[service])
        tree = [leader, *leader.children(recursive=True)]
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        supervisor.stop(service, wait=True)
        try:
            yield
        finally:
            supervisor.start(service)

    return strike


@contextlib.contextmanager
def _scheduler_hangs(stack: RunningStack) -> Iterator[None]:
    """Its watchdog mends it."""
    hung = stack.pids()["airflow-scheduler"]
    os.kill(hung, signal.SIGSTOP)
    yield
    deadline = time.monotonic() + 120
    while psutil.pid_exists(hung) and time.monotonic() < deadline:
        time.sleep(0.5)


@contextlib.contextmanager
def _poison(stack: RunningStack) -> Iterator[None]:
    """It mends itself: each message is a dead letter, once."""
    producer = Producer({"bootstrap.servers": f"127.0.0.1:{stack.settings.ports.kafka}"})
    for number in range(_POISON_MESSAGES):
        producer.produce("market.bars.v1", key=b"BTCUSD", value=f"{number}: no bar".encode())
    if left := producer.flush(30):
        raise RuntimeError(f"{left} messages were not delivered")
    yield


def _sql(breaks: str, mends: str) -> Callable[[RunningStack], AbstractContextManager[None]]:
    """Somebody with every right changes something in the warehouse."""

    @contextlib.contextmanager
    def strike(stack: RunningStack) -> Iterator[None]:
        dsn = postgres.superuser_dsn(stack.settings, "marketpulse")
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(breaks.encode())
        try:
            yield
        finally:
            with psycopg.connect(dsn, autocommit=True) as connection:
                connection.execute(mends.encode())

    return strike


@contextlib.contextmanager
def _dag_breaks(stack: RunningStack) -> Iterator[None]:
    """A DAG that cannot be imported is deployed; the drill's stack runs from a copy of the checkout."""
    file = stack.project / "dags" / "reconcile_vendors.py"
    text = file.read_text()
    file.write_text(f"{text}\nraise RuntimeError('the drill broke this DAG')\n")
    try:
        yield
    finally:
        file.write_text(text)


@contextlib.contextmanager
def _disk_fills(stack: RunningStack) -> Iterator[None]:
    """Nothing is left of the small file system that holds the state."""
    ballast = Path(stack.settings.home) / "ballast"
    with ballast.open("wb") as file:
        block = bytes(1 << 20)
        try:
            with contextlib.suppress(OSError):
                while True:
                    file.write(block)
                    file.flush()
            yield
        finally:
            ballast.unlink()


FAULTS = (
    Fault("vendor outage", "VendorFails", _simulated(kind="outage", minutes=60)),
    Fault("vendor slow", "VendorSlow", _simulated(kind="hang", seconds=_SLOW_SECONDS)),
    Fault("vendor refuses the key", "VendorRefusesKey", _simulated(kind="message", message="bad_key")),
    Fault("bad tick", "ChecksBroken", _simulated(kind="bad_tick", symbol="BTCUSD")),
    Fault("poison burst", "DeadLetterBurst", _poison),
    Fault("Kafka killed", "KafkaDown", _killed("kafka")),
    Fault("PostgreSQL killed", "PostgresDown", _killed("postgres")),
    Fault("Airflow's API killed", "AirflowApiDown", _killed("airflow-api-server")),
    Fault("scheduler killed", "SchedulerSilent", _killed("airflow-scheduler")),
    Fault("scheduler hung", "SchedulerSilent", _scheduler_hangs),
    Fault("statsd-exporter killed", "StatsdExporterDown", _killed("statsd-exporter")),
    Fault(
        "loader fails each time",
        "LoadsFail",
        _sql(
            "REVOKE INSERT ON market.bars_1m FROM marketpulse_loader",
            "GRANT INSERT ON market.bars_1m TO marketpulse_loader",
        ),
    ),
    Fault("DAG import error", "DagImportErrors", _dag_breaks),
    Fault(
        "API budget gone",
        "ApiBudgetGone",
        _sql(
            f"UPDATE ops.api_budget SET live = live + {PER_DAY} WHERE source = '{SOURCE}'",
            f"UPDATE ops.api_budget SET live = live - {PER_DAY} WHERE source = '{SOURCE}'",
        ),
    ),
    Fault("disk full", "DiskFull", _disk_fills),
)
#: Those that `make test` has the time for.
SHORT = tuple(fault for fault in FAULTS if fault.name in ("Kafka killed", "scheduler hung"))
