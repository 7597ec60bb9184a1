"""Dead letters as people see them, and what people decide about them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from psycopg.rows import dict_row

from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 20
LOCK_SECONDS = 5
#: How many letters of a group are listed; sql/ops/dead_letters/letters.sql has the same number.
LISTED = 200

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which open letters a decision is about: those that agree with all that is given, so all of them by default."""

    topic: str | None = None
    partition: int | None = None
    offset: int | None = None
    dataset: str | None = None
    reason: str | None = None


def groups() -> list[Row]:
    """Letters counted by dataset, reason and state, open ones first."""
    return _rows("ops/dead_letters/groups.sql", {})


def letters(dataset: str, reason: str, state: str) -> list[Row]:
    """The newest `LISTED` letters of a group."""
    return _rows("ops/dead_letters/letters.sql", {"dataset": dataset, "reason": reason, "state": state})


def letter(place: Selection) -> Row | None:
    """The letter at a topic, partition and offset."""
    found = _rows("ops/dead_letters/letter.sql", asdict(place))
    return found[0] if found else None


def history(place: Selection) -> list[Row]:
    """What was decided about a letter, newest first."""
    return _rows("ops/redrives/history.sql", asdict(place))


def request_redrive(selection: Selection, requested_by: str, text: str | None = None) -> int:
    """Ask for open letters to be published again; returns for how many that was new.

    Args:
        selection: Which ones.
        requested_by: Who asks.
        text: What to publish in place of the one letter that is selected; None: each as it was received.
    """
    payload = None if text is None else text.encode()
    return _decide(selection, requested_by, state="requested", payload=payload, why="")


def discard(selection: Selection, requested_by: str, why: str) -> int:
    """Leave open letters out for good; returns how many."""
    return _decide(selection, requested_by, state="discarded", payload=None, why=why)


def _rows(path: str, values: dict[str, Any]) -> list[Row]:
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        return connection.cursor(row_factory=dict_row).execute(sql(path), values).fetchall()


def _decide(selection: Selection, requested_by: str, **decision: str | bytes | None) -> int:
    values = asdict(selection) | decision | {"requested_by": requested_by}
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        return connection.execute(sql("ops/redrives/decide.sql"), values).rowcount
