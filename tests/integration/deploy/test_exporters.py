"""PostgreSQL's and Kafka's exporters, as the stack starts them: what they tell, how little, and with which rights."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import psycopg
import pytest
import yaml
from confluent_kafka import Consumer, Producer
from marketpulse_stack import postgres
from marketpulse_stack.settings import Settings

from tests.dashboards import Ask
from tests.local_stack import REPOSITORY

SERIES_LIMIT = 100
TOPIC = "market.actions.v1"
#: What the exporter says of itself.
OF_THE_EXPORTER = {
    "pg_up",
    "pg_exporter_last_scrape_duration_seconds",
    "pg_exporter_last_scrape_error",
    "pg_exporter_scrapes_total",
    "pg_exporter_user_queries_load_error",
}
OF_KAFKA = {
    "kafka_controller_kafkacontroller_activecontrollercount",
    "kafka_controller_kafkacontroller_offlinepartitionscount",
    "kafka_log_log_logendoffset",
    "kafka_log_log_logstartoffset",
    "kafka_log_log_size",
    "kafka_network_requestmetrics_totaltimems",
    "kafka_network_socketserver_networkprocessoravgidle_percent",
    "kafka_server_brokertopicmetrics_bytesin_total",
    "kafka_server_brokertopicmetrics_bytesout_total",
    "kafka_server_brokertopicmetrics_failedfetchrequests_total",
    "kafka_server_brokertopicmetrics_failedproducerequests_total",
    "kafka_server_brokertopicmetrics_messagesin_total",
    "kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent",
}


def _names(ask: Ask, job: str, prefix: str) -> set[str]:
    return {each["metric"]["__name__"] for each in ask(f'{{job="{job}", __name__=~"{prefix}_.+"}}')}


def _total(ask: Ask, expression: str) -> float:
    return sum(float(each["value"][1]) for each in ask(expression))


def _wait(condition: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _monitor(settings: Settings) -> psycopg.Connection[tuple[object, ...]]:
    dsn = f"postgresql://marketpulse_monitor@127.0.0.1:{settings.ports.postgres}/marketpulse"
    return psycopg.connect(dsn, passfile=str(settings.secrets / "pgpass"))


def test_postgres_is_asked_our_queries_and_nothing_else(ask: Ask) -> None:
    queries: Mapping[str, Mapping[str, list[Mapping[str, Mapping[str, str]]]]] = yaml.safe_load(
        (REPOSITORY / "monitoring" / "postgres" / "queries.yml").read_text()
    )
    ours = {
        f"{query}_{name}"
        for query, definition in queries.items()
        for column in definition["metrics"]
        for name, meaning in column.items()
        if meaning["usage"] != "LABEL"
    }
    _wait(lambda: ask("pg_up == 1"))

    assert _names(ask, "postgres-exporter", "pg") == ours | OF_THE_EXPORTER
    assert _total(ask, "pg_exporter_last_scrape_error") == 0


def test_kafka_tells_of_what_passes_a_topic(monitored: Settings, ask: Ask) -> None:
    bootstrap = {"bootstrap.servers": f"127.0.0.1:{monitored.ports.kafka}"}
    before = _total(ask, f'kafka_server_brokertopicmetrics_messagesin_total{{topic="{TOPIC}"}}')
    producer = Producer(bootstrap)
    for _ in range(5):
        producer.produce(TOPIC, b"not a message", key=b"TEST")
    assert producer.flush(20) == 0
    consumer = Consumer({**bootstrap, "group.id": "test-exporters", "auto.offset.reset": "earliest"})
    try:
        consumer.subscribe([TOPIC])
        assert len(consumer.consume(5, timeout=30)) == 5
    finally:
        consumer.close()

    counted = f'kafka_server_brokertopicmetrics_messagesin_total{{topic="{TOPIC}"}} == {before + 5:.0f}'
    _wait(lambda: ask(counted) and _names(ask, "kafka", "kafka") >= OF_KAFKA)
    assert _names(ask, "kafka", "kafka") == OF_KAFKA
    assert _total(ask, f'kafka_log_log_logendoffset{{topic="{TOPIC}"}}') >= 5
    topics = {each["metric"]["topic"] for each in ask('{job="kafka", topic!=""}')}
    assert all(topic.startswith("market.") for topic in topics)


@pytest.mark.parametrize("job", ["postgres-exporter", "kafka"])
def test_they_make_few_series(ask: Ask, job: str) -> None:
    _wait(lambda: ask(f'up{{job="{job}"}} == 1'))
    assert 10 < _total(ask, f'count({{job="{job}"}})') < SERIES_LIMIT


def test_the_role_that_watches_reads_no_row_and_waits_for_nobody(monitored: Settings) -> None:
    with _monitor(monitored) as connection:
        settings = (
            "SELECT rolsuper, rolconnlimit, current_setting('lock_timeout') FROM pg_roles WHERE rolname = current_user"
        )
        assert connection.execute(settings).fetchone() == (False, 3, "1s")
        for table in ("market.bars_1m", "raw.bars", "reports.latest_bars", "ops.batches"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"SELECT * FROM {table}".encode())


def test_a_cluster_of_an_earlier_release_gets_the_role_at_its_next_start(monitored: Settings) -> None:
    with psycopg.connect(postgres.superuser_dsn(monitored, "marketpulse"), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'marketpulse_monitor'"
        )
        connection.execute("DROP OWNED BY marketpulse_monitor")
        connection.execute("DROP ROLE marketpulse_monitor")

    postgres.create_roles(monitored)
    postgres.create_roles(monitored)

    with _monitor(monitored) as connection:
        assert connection.execute("SELECT pg_has_role('pg_monitor', 'member')").fetchone() == (True,)
