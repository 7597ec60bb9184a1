"""Metrics that nobody takes hold up neither Airflow nor our tasks: not one send waits."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.plugins.metric_sender import SENDS, WAITS
from tests.integration.running_exporter import Exporter, running_exporter
from tests.local_stack import REPOSITORY

SENDER = Path(__file__).with_name("metric_sender.py")
#: Of two sends each; the kernel may have reasons of its own to let a thread wait.
ALLOWED_WAITS = SENDS // 100


@contextlib.contextmanager
def sender(host: str, port: int, *more_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that sends to there, with the settings of deploy/local/marketpulse_stack/airflow.py."""
    of_airflow = {
        "STATSD_ON": "True",
        "STATSD_HOST": host,
        "STATSD_PORT": str(port),
        "STATSD_INFLUXDB_ENABLED": "True",
        "STATSD_CUSTOM_CLIENT_PATH": "marketpulse.statsd_client.ConnectedStatsClient",
        "LEGACY_NAMES_ON": "False",
    }
    environment = {
        **os.environ,
        **{f"AIRFLOW__METRICS__{name}": value for name, value in of_airflow.items()},
        "STATSD_HOST": host,
        "STATSD_PORT": str(port),
        "PYTHONPATH": os.pathsep.join(map(str, [*more_path, REPOSITORY / "plugins"])),
    }
    with subprocess.Popen(
        [sys.executable, SENDER], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()
        assert process.wait(60) == 0


def waits(process: subprocess.Popen[str]) -> int:
    """Has it send; returns how often it had to wait."""
    assert process.stdin
    assert process.stdout
    process.stdin.write("send\n")
    process.stdin.flush()
    answer = next(line for line in process.stdout if line.startswith(WAITS))
    return int(answer.removeprefix(WAITS))


@pytest.fixture
def exporter() -> Iterator[Exporter]:
    """A real statsd-exporter."""
    with running_exporter() as exporter:
        yield exporter


def test_a_statsd_exporter_that_is_killed_is_not_missed(exporter: Exporter) -> None:
    with sender("127.0.0.1", exporter.port) as sending:
        assert waits(sending) < ALLOWED_WAITS
        exporter.process.kill()
        exporter.process.wait()
        assert waits(sending) < ALLOWED_WAITS


def test_a_statsd_exporter_that_hangs_is_not_waited_for(exporter: Exporter) -> None:
    """Its socket's buffer is full after some hundred of them."""
    with sender("127.0.0.1", exporter.port) as sending:
        exporter.process.send_signal(signal.SIGSTOP)
        assert waits(sending) < ALLOWED_WAITS
        assert waits(sending) < ALLOWED_WAITS


@pytest.mark.parametrize("host", ["no-such-host.invalid", "255.255.255.255"], ids=["no address", "no route"])
def test_what_cannot_be_reached_costs_nothing_but_its_metrics(host: str) -> None:
    with sender(host, 9125) as sending:
        assert waits(sending) < ALLOWED_WAITS


def test_the_measure_sees_sends_that_wait(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import statsd, time\n"
        "send = statsd.StatsClient._send\n"
        "statsd.StatsClient._send = lambda *arguments: (time.sleep(0.00001), send(*arguments))\n"
    )
    with sender("127.0.0.1", 9, tmp_path) as sending:
        assert waits(sending) > SENDS
