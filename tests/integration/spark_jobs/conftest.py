"""One warehouse, one broker and one Spark session for all tests of the loader; topics and tables are fresh for each."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import psycopg
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from marketpulse_spark.session import spark_session
from marketpulse_spark.settings import ACTIONS_TOPIC, BACKFILL_TOPIC, LIVE_TOPIC, NEWS_TOPIC
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.feed import Feed, created, fresh_feed, settings_of
from tests.integration.spark_jobs.news_feed import NewsFeed, news_settings
from tests.integration.spark_jobs.warehouse import Warehouse
from tests.local_stack import REPOSITORY


@pytest.fixture(scope="session")
def environment(stack_environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The stack's variables, set in this process too: libpq, Spark's JVM and its workers read them."""
    variables = {
        **{name: stack_environment[name] for name in stack_environment if name.startswith(("MARKETPULSE_", "PG"))},
        "PYTHONPATH": str(REPOSITORY / "spark_jobs"),
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_LOCAL_IP": "127.0.0.1",
        "STATSD_PORT": stack_environment["STATSD_PORT"],
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield {**stack_environment, **variables}


@pytest.fixture(scope="session")
def spark(environment: dict[str, str]) -> Iterator[SparkSession]:
    """The job's own session, on two cores as spark-submit gives it."""
    options = "--master local[2] --conf spark.ui.enabled=false --conf spark.ui.showConsoleProgress=false pyspark-shell"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYSPARK_SUBMIT_ARGS", options)
        session = spark_session("integration tests")
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture
def interpreted(spark: SparkSession) -> SparkSession:
    """The session as spark-submit starts it for small batches, whatever test was before."""
    spark.conf.set("spark.sql.codegen.wholeStage", "false")
    spark.conf.set("spark.sql.codegen.factoryMode", "NO_CODEGEN")
    return spark


@pytest.fixture(scope="session")
def owner(environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    """A connection of the role that owns all tables."""
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_owner@")
    with psycopg.connect(dsn, autocommit=True) as connection:
        yield connection


@pytest.fixture
def warehouse(owner: psycopg.Connection) -> Warehouse:
    """The tables, emptied, with the instruments that the messages of tests are of."""
    warehouse = Warehouse(owner)
    warehouse.empty()
    return warehouse


@pytest.fixture(scope="session")
def admin(environment: dict[str, str]) -> AdminClient:
    return AdminClient({"bootstrap.servers": environment["MARKETPULSE_KAFKA_BOOTSTRAP"]})


@pytest.fixture(scope="session")
def producer(environment: dict[str, str]) -> Producer:
    return Producer(
        {
            "bootstrap.servers": environment["MARKETPULSE_KAFKA_BOOTSTRAP"],
            "partitioner": "murmur2_random",
            # As the pipeline's: without it, a retry may change the order.
            "enable.idempotence": True,
            "message.max.bytes": 8_000_000,
            "linger.ms": 1,
        }
    )


@pytest.fixture
def feed(environment: dict[str, str], admin: AdminClient, producer: Producer, spark: SparkSession) -> Iterator[Feed]:
    """Fresh topics, and the loader over them."""
    with fresh_feed(environment, admin, producer, spark) as feed:
        yield feed


@pytest.fixture
def default_feed(environment: dict[str, str], admin: AdminClient, producer: Producer, spark: SparkSession) -> Feed:
    """The stack's own topics, created anew: what a real loader process reads."""
    feed = Feed(settings_of(environment, LIVE_TOPIC, BACKFILL_TOPIC, ACTIONS_TOPIC), admin, producer, spark)
    for topic in feed.settings.topics:
        feed.delete(topic)
        feed.create(topic)
    return feed


@pytest.fixture
def news(
    environment: dict[str, str], admin: AdminClient, producer: Producer, spark: SparkSession
) -> Iterator[NewsFeed]:
    """A fresh topic of articles, and the loader over it."""
    feed = NewsFeed(news_settings(environment), admin, producer, spark)
    with created(feed):
        yield feed


@pytest.fixture
def default_news(environment: dict[str, str], admin: AdminClient, producer: Producer, spark: SparkSession) -> NewsFeed:
    """The topic that a real loader process reads, created anew."""
    feed = NewsFeed(news_settings(environment, NEWS_TOPIC), admin, producer, spark)
    if NEWS_TOPIC in admin.list_topics(timeout=20).topics:
        feed.delete(NEWS_TOPIC)
    feed.create(NEWS_TOPIC)
    return feed


@pytest.fixture(scope="session")
def archive(environment: dict[str, str]) -> None:
    """The class-data archive that spark-submit wants; quick where it is there already."""
    subprocess.run([REPOSITORY / "spark_jobs/bin/train-archive"], env=environment, check=True, timeout=300)
