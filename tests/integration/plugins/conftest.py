"""The simulator beside PostgreSQL and Kafka, and the environment of an Airflow task."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition

from tests.local_stack import REPOSITORY, TOOLS

# Before anything imports Airflow.
_home = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _home
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

SIMULATED_NOW = datetime.now(UTC).replace(second=0, microsecond=0)
CANARY = "CANARY-KEY/0001+x"
TASK_VARIABLES = ("MARKETPULSE_", "AIRFLOW_CONN_", "PGPASSFILE")


@pytest.fixture(scope="session")
def simulator(stack_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A running simulator whose clock stands, so that no test meets a change of the minute; its admin client."""
    port = stack_environment["SIMULATOR_PORT"]
    command = [str(TOOLS / "venvs/stack/bin/python"), "-m", "uvicorn", "simulator.app:create_app", "--factory"]
    log = tmp_path_factory.mktemp("simulator") / "log"
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", port],
            cwd=REPOSITORY,
            env={**os.environ, "SIM_CLOCK_START": SIMULATED_NOW.isoformat(), "SIM_CLOCK_SPEED": "0.001"},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        try:
            _wait_until_healthy(client, log)
            yield client
        finally:
            process.terminate()


def _wait_until_healthy(client: httpx.Client, log: Path) -> None:
    for _ in range(300):
        try:
            if client.get("/health").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"the simulator does not start:\n{log.read_text()}")


@pytest.fixture
def task_environment(
    stack_environment: dict[str, str], simulator: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> dict[str, str]:
    """Gives this process the variables of an Airflow task, and every table of the pipeline no rows."""
    variables = {name: value for name, value in stack_environment.items() if name.startswith(TASK_VARIABLES)}
    variables |= {
        "MARKETPULSE_ROOT": str(REPOSITORY),
        "ALPHA_VANTAGE_BASE_URL": str(simulator.base_url),
        "ALPHA_VANTAGE_API_KEY": CANARY,
        "ALPHA_VANTAGE_POLL": "always",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    simulator.delete("/admin/faults")
    with owner(stack_environment) as connection:
        connection.execute(
            "TRUNCATE ops.kafka_offsets, ops.batches, ops.batch_ranges, ops.dead_letters, ops.source_watermarks, "
            "raw.bars, raw.actions, ops.action_observations, market.bars_1m, analytics.indicators_1m, ops.coverage, "
            "ops.untraded_minutes, ops.gaps, ops.gap_history"
        )
    return variables


@pytest.fixture
def instruments(task_environment: dict[str, str]) -> None:
    """Lets the warehouse know every instrument."""
    from marketpulse.config import load_instruments
    from marketpulse.sync_instruments import sync_instruments
    from marketpulse.warehouse import connect

    with connect(statement_seconds=10, lock_seconds=5) as connection:
        sync_instruments(connection, load_instruments())


def owner(environment: dict[str, str]) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection that may change everything in the warehouse."""
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_owner@")
    return psycopg.connect(dsn, autocommit=True, passfile=environment["PGPASSFILE"])


class Topic:
    """What was written to a topic since this was made."""

    def __init__(self, name: str, bootstrap: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
        self._next = [TopicPartition(name, partition, self._ends(name, partition)[1]) for partition in (0, 1)]

    def _ends(self, name: str, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=10)
        return low, high

    def read(self) -> list[dict[str, str]]:
        """New messages, oldest first in each partition; each key is checked to be its symbol."""
        messages = []
        for place in self._next:
            _, end = self._ends(place.topic, place.partition)
            self._consumer.assign([place])
            while place.offset < end:
                batch = self._consumer.consume(min(10_000, end - place.offset), timeout=10)
                assert batch, f"no messages of {place}"
                for message in batch:
                    assert message.error() is None
                    document = json.loads(message.value() or b"")
                    assert (message.key() or b"").decode() == document["symbol"]
                    messages.append(document)
                    place.offset = (message.offset() or 0) + 1
        return messages

    def close(self) -> None:
        self._consumer.close()


@pytest.fixture
def live_topic(task_environment: dict[str, str]) -> Iterator[Topic]:
    with closing(Topic("market.bars.v1", task_environment["MARKETPULSE_KAFKA_BOOTSTRAP"])) as topic:
        yield topic


@pytest.fixture
def backfill_topic(task_environment: dict[str, str]) -> Iterator[Topic]:
    with closing(Topic("market.bars.backfill.v1", task_environment["MARKETPULSE_KAFKA_BOOTSTRAP"])) as topic:
        yield topic


@pytest.fixture
def actions_topic(task_environment: dict[str, str]) -> Iterator[Topic]:
    with closing(Topic("market.actions.v1", task_environment["MARKETPULSE_KAFKA_BOOTSTRAP"])) as topic:
        yield topic
