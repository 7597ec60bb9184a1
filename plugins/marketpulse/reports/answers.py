"""Questions put to the warehouse, as the role that may only read `reports`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import RawCursor

from marketpulse.reports.located import ReportError
from marketpulse.reports.parameters import Value
from marketpulse.reports.questions import Question


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows, and the names of their columns."""

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]


def ask(connection: psycopg.Connection, question: Question, values: Mapping[str, Value]) -> Answer:
    """Run a question.

    Args:
        connection: Of marketpulse_reader.
        question: What to ask.
        values: Parameter to value; each is bound, none becomes a part of the statement.

    Raises:
        ReportError: PostgreSQL cannot make sense of the statement; names the line.
    """
    return _run(connection, question, values)


def check_columns(connection: psycopg.Connection, question: Question, values: Mapping[str, Value]) -> None:
    """See that a question's answer has the columns that its header lists, in their order, without reading rows.

    Raises:
        ReportError: It has others, or PostgreSQL cannot make sense of the statement.
    """
    found = _run(connection, question, values, before="SELECT * FROM (", after="\n) question LIMIT 0").columns
    listed = tuple(question.columns)
    if found != listed:
        raise ReportError(
            question.file,
            question.first_line,
            f"the answer's columns are {', '.join(found)}, the header lists {', '.join(listed)}",
            "make them the same, in the same order",
        )


def _run(
    connection: psycopg.Connection, question: Question, values: Mapping[str, Value], before: str = "", after: str = ""
) -> Answer:
    places = {name: f"${number}" for number, name in enumerate(question.parameters, 1)}
    statement = before + question.statement(places.__getitem__) + after
    with RawCursor(connection) as cursor:
        try:
            cursor.execute(statement.encode(), [values[name] for name in question.parameters])
        except psycopg.ProgrammingError as error:
            position = int(error.diag.statement_position or 1) - 1
            line = question.first_line + statement.count("\n", 0, position)
            problem = error.diag.message_primary or "PostgreSQL refuses the statement"
            raise ReportError(question.file, line, problem, "correct the statement there") from error
        columns = tuple(column.name for column in cursor.description or ())
        return Answer(columns, cursor.fetchall())
