"""The simulator beside PostgreSQL and Kafka, and the environment of an Airflow task."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import psycopg
import pytest
from confluent_kafka import Consumer, TopicPartition
from marketpulse import metrics

from tests.integration.plugins.known_reports import KNOWN
from tests.integration.plugins.moved_clock import Clock
from tests.integration.plugins.simulated_vendor import run_simulator
from tests.local_stack import REPOSITORY
from tests.sent_metrics import receiving_metrics

# Before anything imports Airflow.
_home = tempfile.mkdtemp(prefix="airflow-")
atexit.register(shutil.rmtree, _home, ignore_errors=True)
os.environ["AIRFLOW_HOME"] = _home
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"

CANARY = "CANARY-KEY/0001+x"
TASK_VARIABLES = ("MARKETPULSE_", "AIRFLOW_CONN_", "PGPASSFILE")


@pytest.fixture(scope="session")
def simulator(stack_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """The simulator of all tests, without limits."""
    with run_simulator(stack_environment["SIMULATOR_PORT"], tmp_path_factory.mktemp("simulator") / "log") as client:
        yield client


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where this process sends its metrics."""
    metrics._client.cache_clear()
    with receiving_metrics(monkeypatch) as receiver:
        yield receiver
    client = metrics._client()
    if client:
        client.close()
    metrics._client.cache_clear()


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
            "TRUNCATE ops.kafka_offsets, ops.batches, ops.batch_ranges, ops.redrives, ops.dead_letters, "
            "ops.source_watermarks, ops.news_watermarks, ops.quote_checks, raw.bars, raw.actions, raw.news, "
            "ops.action_observations, "
            "market.bars_1m, analytics.indicators_1m, ops.article_observations, market.articles, "
            "analytics.sentiment_1h, ops.coverage, "
            "ops.untraded_minutes, ops.gaps, ops.gap_history, ops.api_budget, ops.api_grants"
        )
    return variables


@pytest.fixture
def owner_dsn(task_environment: dict[str, str]) -> str:
    """How the owner of the warehouse connects."""
    return task_environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_owner@")


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


@pytest.fixture(scope="module")
def superuser(stack_environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    """Can become the reader inside of a transaction that is then rolled back, so that no other test sees its data."""
    dsn = stack_environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "postgres@")
    with psycopg.connect(dsn, passfile=stack_environment["PGPASSFILE"]) as connection:
        connection.execute("SET timezone = 'UTC'")
        connection.execute((KNOWN / "no_data.sql").read_bytes())
        yield connection
        connection.rollback()


@pytest.fixture
def nothing(superuser: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The reader of a warehouse without rows."""
    with superuser.transaction(force_rollback=True):
        superuser.execute("SET LOCAL ROLE marketpulse_reader")
        yield superuser


@pytest.fixture
def known(superuser: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The reader of a warehouse with known rows."""
    with superuser.transaction(force_rollback=True):
        superuser.execute((KNOWN / "known_data.sql").read_bytes())
        superuser.execute("SET LOCAL ROLE marketpulse_reader")
        yield superuser


@pytest.fixture
def clock(owner_dsn: str) -> Iterator[Clock]:
    """A function of PostgreSQL stands before its own clock in new sessions."""
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(
            """CREATE SCHEMA simulated;
            CREATE TABLE simulated.clock AS SELECT interval '0' AS moved;
            CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
                RETURN (SELECT pg_catalog.clock_timestamp() + moved FROM simulated.clock);
            GRANT USAGE ON SCHEMA simulated TO marketpulse_loader;
            GRANT SELECT ON simulated.clock TO marketpulse_loader;
            ALTER DATABASE marketpulse SET search_path = simulated, pg_catalog"""
        )
        try:
            yield Clock(connection)
        finally:
            connection.execute("ALTER DATABASE marketpulse RESET search_path; DROP SCHEMA simulated CASCADE")


class Topic:
    """What was written to a topic since this was made; `key` is the field that is the messages' key."""

    def __init__(self, name: str, bootstrap: str, key: str = "symbol") -> None:
        self._key = key
        self._consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test", "enable.auto.commit": False})
        self._next = [TopicPartition(name, partition, self._ends(name, partition)[1]) for partition in (0, 1)]

    def _ends(self, name: str, partition: int) -> tuple[int, int]:
        low, high = self._consumer.get_watermark_offsets(TopicPartition(name, partition), timeout=10)
        return low, high

    def read(self) -> list[dict[str, Any]]:
        """New messages, oldest first in each partition; each one's key is checked."""
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
                    assert (message.key() or b"").decode() == document[self._key]
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


@pytest.fixture
def news_topic(task_environment: dict[str, str]) -> Iterator[Topic]:
    with closing(Topic("market.news.v1", task_environment["MARKETPULSE_KAFKA_BOOTSTRAP"], "article_id")) as topic:
        yield topic
