"""Connections to PostgreSQL and the SQL that lies under `sql/`."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import psycopg

from marketpulse.config import project_root
from marketpulse.errors import MarketPulseError

CONNECT_SECONDS = 5


class WarehouseNotConfigured(MarketPulseError):
    """`MARKETPULSE_WAREHOUSE_DSN` is not set."""

    def __init__(self) -> None:
        super().__init__("MARKETPULSE_WAREHOUSE_DSN is not set. Next: run this with the environment of `make up`.")


def connect(*, statement_seconds: int, lock_seconds: int) -> psycopg.Connection:
    """An autocommit connection in UTC whose every wait is bounded.

    Args:
        statement_seconds: The longest that a statement may take.
        lock_seconds: The longest that a statement may wait for a lock.

    Raises:
        WarehouseNotConfigured: The environment does not say where.
        psycopg.OperationalError: PostgreSQL does not answer in time.
    """
    return psycopg.connect(_dsn(), autocommit=True, **_settings(statement_seconds, lock_seconds))


async def connect_async(*, statement_seconds: int, lock_seconds: int) -> psycopg.AsyncConnection:
    """The same as `connect`, for use in an event loop."""
    settings = _settings(statement_seconds, lock_seconds)
    return await psycopg.AsyncConnection.connect(_dsn(), autocommit=True, **settings)


def _dsn() -> str:
    dsn = os.environ.get("MARKETPULSE_WAREHOUSE_DSN")
    if not dsn:
        raise WarehouseNotConfigured
    return dsn


def _settings(statement_seconds: int, lock_seconds: int) -> dict[str, Any]:
    settings = {
        "timezone": "UTC",
        "statement_timeout": f"{statement_seconds}s",
        "lock_timeout": f"{lock_seconds}s",
        "idle_in_transaction_session_timeout": "30s",
    }
    return {
        "connect_timeout": CONNECT_SECONDS,
        "application_name": "marketpulse",
        "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
    }


@cache
def sql(path: str) -> bytes:
    """A statement of `sql/<path>`, as the bytes that psycopg takes."""
    return (project_root() / "sql" / path).read_bytes()
