"""Connections to PostgreSQL, the SQL files, the dataset lock and the record of batches.

Two clients, one for each purpose: psycopg for control (lock, ledger, batches), ADBC for data (Arrow in
and out by binary COPY). Every wait has a bound.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import os
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
from psycopg.conninfo import make_conninfo

from marketpulse_spark.errors import DatasetLocked
from marketpulse_spark.ledger import LedgerRow
from marketpulse_spark.settings import WarehouseSettings

_CONNECT_SECONDS = 10
_STATEMENT_SECONDS = 300
IDLE_IN_TRANSACTION_SECONDS = 20
_HEARTBEAT_SECONDS = 5
#: A lock holder that has not shown life for this long is stopped or cut off. The ledger fences it.
_STALE_SECONDS = 20
_WHAT_IT_COMMITTED = (
    "(committed_at, newest_bar) ="
    " (SELECT max(r.committed_at), max(r.newest_bar) FROM ops.batch_ranges r WHERE r.batch_id = b.batch_id)"
)


def sql_text(name: str) -> str:
    """Returns a file below `sql/`, such as `market/bars_1m/merge_contested.sql`."""
    return _read_sql(name)


def sql_root() -> Path:
    """Returns the folder `sql/`."""
    return Path(os.environ.get("MARKETPULSE_ROOT", Path(__file__).parents[2])) / "sql"


@functools.cache
def _read_sql(name: str) -> str:
    return (sql_root() / name).read_text()


def bounded(settings: WarehouseSettings, *, idle_seconds: int = IDLE_IN_TRANSACTION_SECONDS) -> str:
    """Returns the connection string of the warehouse with a name and time-outs for everything."""
    limits = {
        "statement_timeout": f"{_STATEMENT_SECONDS}s",
        "lock_timeout": f"{settings.lock_seconds}s",
        "idle_in_transaction_session_timeout": f"{idle_seconds}s",
        "tcp_user_timeout": "30s",
        "timezone": "UTC",
    }
    return make_conninfo(
        settings.warehouse_dsn,
        application_name=settings.application_name,
        connect_timeout=_CONNECT_SECONDS,
        options=" ".join(f"-c {name}={value}" for name, value in limits.items()),
    )


def fetch(cursor: adbc.Cursor, statement: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
    """Runs one statement that returns rows, on an ADBC cursor."""
    cursor.execute(statement, parameters)
    return list(cursor.fetchall())


def copy(cursor: adbc.Cursor, schema: str | None, name: str, rows: pa.Table) -> None:
    """Copies rows in binary into a table, a temporary one where no schema is given."""
    if rows.num_rows:
        cursor.adbc_ingest(name, rows, mode="append", db_schema_name=schema, temporary=schema is None)


class Control:
    """The control connection of a load: holds the dataset's lock and shows life while it does."""

    def __init__(self, settings: WarehouseSettings) -> None:
        self._settings = settings
        self._connection = psycopg.connect(bounded(settings), autocommit=True)
        self._stop = threading.Event()
        self._heart = threading.Thread(target=self._beat, daemon=True, name="lock-heartbeat")

    def __enter__(self) -> Control:
        try:
            self._lock()
            self._close_abandoned()
        except BaseException:
            self._connection.close()
            raise
        self._heart.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        # Closing alone would free the lock only when the server notices: the next run, or a person, would find it held.
        # Of a connection that is gone PostgreSQL has freed it, or will: there is nothing left to say, or to hide.
        with contextlib.suppress(psycopg.OperationalError):
            self._connection.execute("SELECT pg_advisory_unlock_all()")
        self._connection.close()

    def _lock(self) -> None:
        key = f"load:{self._settings.dataset}"
        deadline = time.monotonic() + self._settings.lock_seconds
        while True:
            row = self._connection.execute("SELECT pg_try_advisory_lock(hashtext(%s))", [key]).fetchone()
            if row == (True,):
                return
            holder = self._holder(key)
            if holder is not None and holder[1] > _STALE_SECONDS:
                self._end_sessions(holder[0])
            elif time.monotonic() > deadline:
                other = holder[0] if holder else "another run"
                raise DatasetLocked(
                    f"The dataset {self._settings.dataset} is being loaded by {other}: "
                    f"waited {self._settings.lock_seconds} s. Nothing is lost; the next run does what is left."
                )
            time.sleep(0.2)

    def _close_abandoned(self) -> None:
        """Closes what a dead loader left open. It may have committed its ranges, all or some, before it died."""
        self._connection.execute(
            f"UPDATE ops.batches b SET state = 'abandoned', {_WHAT_IT_COMMITTED}"  # noqa: S608 - a constant
            " WHERE dataset = %s AND state = 'running'",
            [self._settings.dataset],
        )

    def _holder(self, key: str) -> tuple[str, float] | None:
        """Name of the sessions of the lock's holder, and seconds since its last sign of life.

        Of another role's session, a person's for example, no sign is visible: it counts as alive.
        """
        return self._connection.execute(
            "SELECT a.application_name, coalesce(extract(epoch FROM clock_timestamp() - a.state_change), 0)::float8"
            "  FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
            " WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1"
            "   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            "   AND ((l.classid::bigint << 32) | l.objid::bigint) = hashtext(%s)::bigint",
            [key],
        ).fetchone()

    def _end_sessions(self, application_name: str) -> None:
        self._connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = %s AND usename = current_user AND pid <> pg_backend_pid()",
            [application_name],
        )

    def _beat(self) -> None:
        while not self._stop.wait(_HEARTBEAT_SECONDS):
            # A connection that is gone shows at the next statement of the load itself.
            with contextlib.suppress(psycopg.Error):
                self._connection.execute("SELECT 1")

    def symbols(self) -> frozenset[str]:
        """Known instruments."""
        return frozenset(row[0] for row in self._connection.execute("SELECT symbol FROM market.instruments"))

    def ledger(self, topics: Sequence[str]) -> list[LedgerRow]:
        """The ledger's rows of these topics."""
        rows = self._connection.execute(
            "SELECT topic, partition, cluster_id, topic_id, next_offset FROM ops.kafka_offsets WHERE topic = ANY(%s)"
            " ORDER BY topic, partition",
            [list(topics)],
        )
        return [LedgerRow(*row) for row in rows]

    def add_to_ledger(self, rows: Sequence[LedgerRow]) -> None:
        """Adds partitions that the ledger has not met."""
        for row in rows:
            self._connection.execute(
                "INSERT INTO ops.kafka_offsets (topic, partition, cluster_id, topic_id, next_offset)"
                " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
                [row.topic, row.partition, row.cluster_id, row.topic_id, row.next_offset],
            )

    def newest_bars(self) -> list[tuple[str, str, dt.datetime]]:
        """Source, calendar of the instruments and start of the newest bar, of each source that is published."""
        rows = self._connection.execute(
            "SELECT source, calendar, max(newest.ts)"
            "  FROM ops.source_watermarks w JOIN market.instruments USING (symbol) CROSS JOIN LATERAL"
            "       (SELECT ts FROM market.bars_1m b WHERE b.symbol = w.symbol AND b.source = w.source"
            "         ORDER BY ts DESC LIMIT 1) newest"
            " GROUP BY source, calendar"
        )
        return rows.fetchall()

    def open_batch(self, writer: str, submitted_at: float, dag_id: str | None, code_version: str) -> int:
        """Records the start of a batch and returns its id."""
        row = self._connection.execute(
            _read_sql("ops/batches/insert.sql").encode(),
            {
                "dataset": self._settings.dataset,
                "dag_id": dag_id,
                "run_id": self._settings.run_id,
                "code_version": code_version,
                "writer": writer,
                "submitted_at": submitted_at,
            },
        ).fetchone()
        assert row is not None  # noqa: S101 - INSERT … RETURNING returns a row
        return int(row[0])

    def close_batch(self, batch_id: int, error: str | None = None) -> None:
        """Records the end of a batch: when its last range was committed and, here, visible, and its newest bar."""
        self._connection.execute(
            "UPDATE ops.batches b SET state = %(state)s, error = %(error)s,"  # noqa: S608 - a constant
            " visible_at = CASE %(state)s WHEN 'succeeded' THEN clock_timestamp() END,"
            f" {_WHAT_IT_COMMITTED} WHERE batch_id = %(batch_id)s",
            {"state": "failed" if error else "succeeded", "error": error, "batch_id": batch_id},
        )

    def hops(self, batch_id: int) -> dict[str, float]:
        """Seconds of each hop of a batch's slowest live message, and their total; nothing where none was live."""
        statement = sql_text("ops/batches/read_hops.sql").encode()
        return dict(self._connection.execute(statement, {"batch_id": batch_id}).fetchall())


def ensure_raw_days(settings: WarehouseSettings, days: Iterable[dt.date]) -> None:
    """Makes sure that the dataset's raw table has partitions for these UTC days; waits for no writer of other days."""
    with psycopg.connect(bounded(settings), autocommit=True) as connection:
        for day in days:
            connection.execute("SELECT raw.ensure_day(%s, %s)", [settings.dataset, day])


@contextlib.contextmanager
def transaction(
    settings: WarehouseSettings, *, idle_seconds: int = IDLE_IN_TRANSACTION_SECONDS
) -> Iterator[adbc.Connection]:
    """An ADBC connection that is rolled back and closed at the end unless the body committed.

    Args:
        settings: Where the warehouse is.
        idle_seconds: For how long the body may do something else before PostgreSQL gives up on it.
    """
    connection = adbc.connect(bounded(settings, idle_seconds=idle_seconds))
    try:
        yield connection
    finally:
        connection.close()
