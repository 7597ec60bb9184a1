"""Where rows of the warehouse come from."""

from __future__ import annotations

import json
from typing import Any

import psycopg
from psycopg.rows import dict_row

from marketpulse.errors import MarketPulseError
from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 20
LOCK_SECONDS = 5
#: How many messages are listed; sql/ops/lineage/trace.sql has the same number.
LISTED = 500


class NotTraceable(MarketPulseError):
    """The question names no row that can be traced."""


def tables() -> list[str]:
    """Tables and views whose rows can be traced."""
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        return [relation for (relation,) in connection.execute(sql("ops/lineage/tables.sql"))]


def trace(relation: str, key: str) -> list[dict[str, Any]]:
    """The messages and runs that a row comes from, at most `LISTED`; none when there is no such row.

    Args:
        relation: One of `tables()`.
        key: The columns of the row's key, as a JSON object.

    Raises:
        NotTraceable: The table is none of those, or the key cannot be understood.
    """
    try:
        is_object = isinstance(json.loads(key), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise NotTraceable(
            'the key is no JSON object. Next: write it like {"symbol": "MSFT", "source": "alpha_vantage"}.'
        )
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        cursor = connection.cursor(row_factory=dict_row)
        try:
            return cursor.execute(sql("ops/lineage/trace.sql"), {"relation": relation, "key": key}).fetchall()
        except (psycopg.errors.RaiseException, psycopg.DataError) as error:
            raise NotTraceable(f"{error.diag.message_primary or error}. Next: correct the table or the key.") from None
