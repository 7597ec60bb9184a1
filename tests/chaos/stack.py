"""A PostgreSQL and a Kafka of the chaos run's own, started and supervised as those of `make up`."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.chaos.messages import SYMBOLS, TOPICS

REPOSITORY = Path(__file__).resolve().parents[2]
_PORTS = ("POSTGRES_PORT", "KAFKA_PORT", "KAFKA_CONTROLLER_PORT", "STATSD_PORT")
_COMMAND_SECONDS = 300
_RESTART_SECONDS = 60


class StackBroken(Exception):
    """PostgreSQL or Kafka did not start, or did not come back: see the logs in the folder named."""


class Stack:
    """Both services. Used as a context: up at its start, down at its end."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._variables = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("SIM_", "ALPHA_VANTAGE_"))},
            **dict(zip(_PORTS, map(str, _free_ports(len(_PORTS))), strict=True)),
            "MARKETPULSE_HOME": str(home),
            "PYTHONPATH": str(REPOSITORY / "deploy" / "local"),
        }
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Stack:
        self.remove()
        try:
            self._command("up", "--only", "postgres,kafka")
            lines = (self.home / "env").read_text().splitlines()
            self.environment = {**os.environ, **dict(line.split("=", 1) for line in lines)}
            with self.connect() as connection:
                for symbol in SYMBOLS:
                    connection.execute(
                        "INSERT INTO market.instruments VALUES (%s, 'chaos', 'crypto', '24/7', 'USD')", [symbol]
                    )
            self._run([str(REPOSITORY / "spark_jobs" / "bin" / "train-archive")], self.environment)
        except BaseException:
            self._command("down")
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._command("down")

    def remove(self) -> None:
        """Ends what an earlier run left behind, and removes its state."""
        if self.home.exists():
            self._command("clean")

    @property
    def bootstrap(self) -> str:
        """host:port of Kafka."""
        return self.environment["MARKETPULSE_KAFKA_BOOTSTRAP"]

    def connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        """A connection that sees every session: the superuser's, which no part of the pipeline uses."""
        return psycopg.connect(
            self.environment["MARKETPULSE_WAREHOUSE_DSN"],
            user="postgres",
            passfile=self.environment["PGPASSFILE"],
            connect_timeout=3,
            application_name="chaos",
            options="-c timezone=UTC",
            autocommit=True,
        )

    def end_offsets(self) -> dict[tuple[str, int], int]:
        """The offset that the next message of each partition will get."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        asked = {TopicPartition(topic, number): latest for topic in TOPICS for number in range(2)}
        answers = admin.list_offsets(asked, request_timeout=20)
        return {(place.topic, place.partition): answer.result(20).offset for place, answer in answers.items()}

    def kill_postgres(self) -> None:
        """Kills the postmaster and every backend with SIGKILL; supervisord starts it again."""
        pid_file = self.home / "postgres" / "data" / "postmaster.pid"
        postmaster = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        _kill([postmaster, *postmaster.children(recursive=True)])

    def wait_for_postgres(self) -> None:
        """Waits until PostgreSQL takes connections."""

        def ready() -> bool:
            with contextlib.suppress(psycopg.OperationalError), self.connect():
                return True
            return False

        self._wait("PostgreSQL", ready)

    def kill_kafka(self) -> None:
        """Kills the broker with SIGKILL; supervisord starts it again."""
        configuration = str(self.home / "run" / "kafka.properties")
        processes = psutil.process_iter(["cmdline"])
        brokers = [each for each in processes if configuration in (each.info["cmdline"] or [])]
        if not brokers:
            raise StackBroken("There is no broker to kill")
        _kill(brokers)

    def wait_for_kafka(self) -> None:
        """Waits until every partition has its leader again."""

        def ready() -> bool:
            with contextlib.suppress(KafkaException):
                self.end_offsets()
                return True
            return False

        self._wait("Kafka", ready)

    def _wait(self, name: str, ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _RESTART_SECONDS
        while not ready():
            if time.monotonic() > deadline:
                raise StackBroken(f"{name} did not come back within {_RESTART_SECONDS} s: see {self.home / 'logs'}")
            time.sleep(0.1)

    def _command(self, *arguments: str) -> None:
        self._run([sys.executable, "-m", "marketpulse_stack", *arguments], self._variables)

    def _run(self, command: list[str], environment: dict[str, str]) -> None:
        finished = subprocess.run(
            command,
            cwd=REPOSITORY,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )
        if finished.returncode != 0:
            raise StackBroken(f"{' '.join(command)} failed:\n{finished.stdout}")


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
