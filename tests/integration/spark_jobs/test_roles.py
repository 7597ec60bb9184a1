"""What each role may do, and the partitions that the loader may have made."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors

from tests.integration.spark_jobs.warehouse import Warehouse

#: Days on which no test has messages.
DAYS = [dt.date(2001, 9, day) for day in range(1, 6)]
RAW = "INSERT INTO raw.bars VALUES ('t', 0, %s, %s, 1, 's', 'S', '1min', now(), '1', '1', '1', '1', '1', now(), 'r')"


def connect(environment: dict[str, str], role: str) -> psycopg.Connection:
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", f"{role}@")
    return psycopg.connect(dsn, autocommit=True)


@pytest.fixture
def loader(environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    with connect(environment, "marketpulse_loader") as connection:
        yield connection


@pytest.fixture
def reader(environment: dict[str, str]) -> Iterator[psycopg.Connection]:
    with connect(environment, "marketpulse_reader") as connection:
        yield connection


@pytest.fixture
def without_days(owner: psycopg.Connection) -> Iterator[None]:
    yield
    for day in DAYS:
        owner.execute(f"DROP TABLE IF EXISTS raw.bars_{day:%Y%m%d}")


def test_no_role_of_the_pipeline_is_a_superuser(owner: psycopg.Connection) -> None:
    roles = owner.execute(
        "SELECT rolname FROM pg_roles WHERE rolname ~ '^(marketpulse_|airflow)'"
        " AND NOT (rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls) ORDER BY 1"
    ).fetchall()
    names = ("airflow", "marketpulse_loader", "marketpulse_monitor", "marketpulse_owner", "marketpulse_reader")
    assert roles == [(name,) for name in names]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE market.bars_1m",
        "ALTER TABLE market.bars_1m ADD COLUMN x integer",
        "TRUNCATE market.bars_1m",
        "DELETE FROM market.bars_1m",
        "DELETE FROM raw.bars",
        "DELETE FROM raw.news",
        "UPDATE ops.article_observations SET headline = ''",
        "DELETE FROM market.articles",
        "DELETE FROM analytics.anomalies",
        "UPDATE raw.bars SET close = '0'",
        "DELETE FROM ops.kafka_offsets",
        "DELETE FROM ops.dead_letters",
        "UPDATE ops.batch_ranges SET applied = 0",
        "DROP FUNCTION raw.ensure_day(text, date)",
        "CREATE TABLE market.mine (x integer)",
        "CREATE TABLE public.mine (x integer)",
        "CREATE SCHEMA mine",
        "SELECT ops.retire_topic('market.bars.v1')",
    ],
)
def test_loader_can_neither_drop_nor_alter_nor_rewrite_history(loader: psycopg.Connection, statement: str) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        loader.execute(statement)


def test_reader_sees_reports_and_nothing_else(owner: psycopg.Connection, reader: psycopg.Connection) -> None:
    views = owner.execute("SELECT 'reports.' || viewname FROM pg_views WHERE schemaname = 'reports'").fetchall()
    assert ("reports.bars_1m",) in views
    for (view,) in views:
        reader.execute(f"SELECT * FROM {view} LIMIT 0")
    others = owner.execute(
        "SELECT format('%I.%I', table_schema, table_name) FROM information_schema.tables"
        " WHERE table_schema IN ('ops', 'raw', 'market', 'analytics')"
    ).fetchall()
    assert len(others) >= 10
    for (table,) in others:
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(f"SELECT * FROM {table} LIMIT 0")
    for statement in (
        "SELECT raw.ensure_day('bars', '2001-09-01')",
        "SELECT * FROM ops.lineage('market.bars_1m', '{}')",
        "CREATE TEMP TABLE x (y integer)",
        "CREATE SCHEMA x",
    ):
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(statement)


def test_reader_cannot_write_through_a_view(reader: psycopg.Connection) -> None:
    with pytest.raises((errors.InsufficientPrivilege, errors.ObjectNotInPrerequisiteState)):
        reader.execute("DELETE FROM reports.bars_1m")


@pytest.mark.usefixtures("without_days")
def test_days_are_made_once_however_many_ask_at_once(environment: dict[str, str], warehouse: Warehouse) -> None:
    together = threading.Barrier(6)

    def ask() -> list[bool]:
        with connect(environment, "marketpulse_loader") as connection:
            together.wait(30)
            return [
                connection.execute("SELECT raw.ensure_day('bars', %s)", [day]).fetchone() == (True,) for day in DAYS
            ]

    with ThreadPoolExecutor(6) as pool:
        made = [done.result(60) for done in [pool.submit(ask) for _ in range(6)]]
    assert [sum(answers) for answers in zip(*made, strict=True)] == [1] * len(DAYS)
    attached = warehouse.rows(
        "SELECT count(*) FROM pg_inherits"
        " WHERE inhparent = 'raw.bars'::regclass AND inhrelid::regclass::text ~ '200109'"
    )
    assert attached == [(len(DAYS),)]


@pytest.mark.usefixtures("without_days")
def test_a_new_day_waits_for_no_writer_of_another(environment: dict[str, str], loader: psycopg.Connection) -> None:
    loader.execute("SELECT raw.ensure_day('bars', %s)", [DAYS[0]])
    loader.execute("SET lock_timeout = '2s'")
    with connect(environment, "marketpulse_loader") as writer, writer.transaction(force_rollback=True):
        writer.execute(RAW, [1, dt.datetime(2001, 9, 1, tzinfo=dt.UTC)])
        loader.execute("SELECT raw.ensure_day('bars', %s)", [DAYS[1]])
        # The open transaction uses the new day at once.
        writer.execute(RAW, [2, dt.datetime(2001, 9, 2, 23, 59, 59, 999_999, tzinfo=dt.UTC)])


@pytest.mark.usefixtures("without_days")
def test_days_are_those_of_utc_whatever_the_session_says(loader: psycopg.Connection) -> None:
    loader.execute("SET timezone = 'Pacific/Auckland'")
    loader.execute("SET datestyle = 'German'")
    loader.execute("SELECT raw.ensure_day('bars', '03.09.2001')")
    with loader.transaction(force_rollback=True):
        loader.execute(RAW, [1, "2001-09-03T00:00:00Z"])
        loader.execute(RAW, [2, "2001-09-03T23:59:59.999999Z"])
    for outside in ("2001-09-02T23:59:59.999999Z", "2001-09-04T00:00:00Z"):
        with pytest.raises(errors.CheckViolation):
            loader.execute(RAW, [3, outside])
