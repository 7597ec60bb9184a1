"""Bars put into the warehouse and taken out of it beside the loader."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from marketpulse.warehouse import connect

MINUTE = timedelta(minutes=1)
#: Symbol, source, start.
Key = tuple[str, str, datetime]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def minutes(first: str, last: str) -> list[datetime]:
    """Every minute from the first to the last, both included."""
    start, count = at(first), int((at(last) - at(first)) / MINUTE)
    return [start + number * MINUTE for number in range(count + 1)]


def store(bars: Iterable[Key]) -> None:
    """Bars with values of no interest."""
    _copy((symbol, source, ts, 1, 1, 1, 1, 1, ts) for symbol, source, ts in bars)


def store_messages(messages: Iterable[dict[str, str]]) -> None:
    """What the loader makes of messages of bars that it has not met."""
    names = ("symbol", "source", "ts", "open", "high", "low", "close", "volume", "fetched_at")
    _copy(tuple(message[name] for name in names) for message in messages)


def _copy(rows: Iterable[tuple[Any, ...]]) -> None:
    with connect(statement_seconds=60, lock_seconds=5) as connection, connection.cursor() as cursor:
        columns = "symbol, source, ts, open, high, low, close, volume, fetched_at"
        with cursor.copy(f"COPY market.bars_1m ({columns}) FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)


def rows(query: str) -> list[tuple[Any, ...]]:
    """What the loader's role reads."""
    with connect(statement_seconds=60, lock_seconds=5) as connection:
        return connection.execute(query.encode()).fetchall()
