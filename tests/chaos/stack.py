"""A PostgreSQL and a Kafka of the chaos run's own, started and supervised as those of `make up`."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import psycopg
from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from tests.chaos.messages import SYMBOLS, TOPICS
from tests.local_stack import REPOSITORY, StackBroken, run, run_stack, service_variables, stack_variables

_RESTART_SECONDS = 60


class Stack:
    """Both services. Used as a context: up at its start, down at its end."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._variables = stack_variables(home)
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Stack:
        self.remove()
        try:
            run_stack(self._variables, "up", "--only", "postgres,kafka")
            self.environment = service_variables(self._variables)
            with self.connect() as connection:
                for symbol in SYMBOLS:
                    connection.execute(
                        "INSERT INTO market.instruments VALUES (%s, 'chaos', 'crypto', '24/7', 'USD')", [symbol]
                    )
            run(self.environment, str(REPOSITORY / "spark_jobs/bin/train-archive"))
        except BaseException:
            run_stack(self._variables, "down")
            raise
        return self

    def __exit__(self, *_: object) -> None:
        run_stack(self._variables, "down")

    def remove(self) -> None:
        """Ends what an earlier run left behind, and removes its state."""
        if self.home.exists():
            run_stack(self._variables, "clean")

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


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=10)
