"""The stack that a benchmark runs on: its own home and ports, so that a running `make up` is left alone."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOLS = REPOSITORY / os.environ.get("MARKETPULSE_TOOLS", ".tools")
HOME = REPOSITORY / ".run-bench"
SPARK_SUBMIT = REPOSITORY / "spark_jobs/bin/spark-submit"
JOB = REPOSITORY / "spark_jobs/marketpulse_spark/jobs/load_bars.py"
SPARK_PYTHON = TOOLS / "venvs/spark/bin/python"
_PORTS = (
    "POSTGRES_PORT",
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "AIRFLOW_PORT",
    "AIRFLOW_LOG_PORT",
    "AIRFLOW_TRIGGERER_LOG_PORT",
    "AIRFLOW_SCHEDULER_HEALTH_PORT",
    "SIMULATOR_PORT",
    "STATSD_PORT",
    "STATSD_EXPORTER_PORT",
    "PROMETHEUS_PORT",
)


@contextlib.contextmanager
def running_stack(*services: str) -> Iterator[dict[str, str]]:
    """Boots services (all, when none is named) and yields the variables that a process beside them needs."""
    with contextlib.ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in _PORTS]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = {name: str(probe.getsockname()[1]) for name, probe in zip(_PORTS, probes, strict=True)}
    own = {**os.environ, **ports, "MARKETPULSE_HOME": str(HOME), "PYTHONPATH": str(REPOSITORY / "deploy/local")}
    try:
        _stack(own, "clean")
        _stack(own, "up", *(["--only", ",".join(services)] if services else []))
        files = (HOME / "env", HOME / "secrets/env")
        environment = own | dict(line.split("=", 1) for file in files for line in file.read_text().splitlines())
        os.environ["PGPASSFILE"] = environment["PGPASSFILE"]
        yield environment
    finally:
        _stack(own, "clean")


def _stack(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, "-m", "marketpulse_stack", *arguments], cwd=REPOSITORY, env=environment, check=True)
