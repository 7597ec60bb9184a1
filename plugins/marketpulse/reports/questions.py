"""Questions: one SQL file each under `reports/questions`; the comment at its top is YAML that says how it is shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from marketpulse.reports.located import Located, ReportError, parse
from marketpulse.reports.parameters import PARAMETERS_FILE, QUESTIONS_FOLDER, Name, Parameter, Text

Chart = Literal["table", "number", "line", "area", "bar", "combo", "scatter", "candlestick", "heatmap"]
#: A percent is a share: 0.01 is 1 %. A price or money is in the currency that the row or the title names.
Unit = Literal[
    "text", "time", "date", "price", "money", "percent", "shares", "count", "seconds", "minutes", "ticks", "ratio"
]

CANDLE = ("open", "high", "low", "close")
# What a chart needs of x, y, bars and series, and what it may have besides.
_NEEDS: Mapping[Chart, set[str]] = {
    "table": set(),
    "number": {"y"},
    "line": {"x", "y"},
    "area": {"x", "y"},
    "bar": {"x", "y"},
    "scatter": {"x", "y"},
    "combo": {"x", "y", "bars"},
    "candlestick": {"x"},
    "heatmap": {"x", "y", "series"},
}
_MAY: Mapping[Chart, set[str]] = {
    "line": {"series"},
    "area": {"series"},
    "bar": {"series"},
    "scatter": {"series"},
    "candlestick": {"y", "bars"},
}
_PLACEHOLDER = re.compile(r"%(?:\((\w+)\)s|(%))?")


class Column(BaseModel):
    """A column of the answer, as readers see it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    unit: Unit = "text"


class Question(BaseModel):
    """What is asked and how its answer is shown.

    Attributes:
        name: The file's name without its ending.
        file: Its path in the repository.
        first_line: Of the statement in the file.
        sql: The statement, with %(name)s where a parameter is bound.
        owner: The team to ask about it.
        columns: All columns of the answer, in its order.
        x: The column of the horizontal axis.
        y: What is drawn against it: columns of one axis. Of a heat map, what the colour says.
        bars: Columns drawn as bars, against an axis of their own.
        series: The column each of whose values is drawn by itself; of a heat map, its rows.
        parameters: What the reader can choose.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    file: str
    first_line: int
    sql: Text
    title: Text
    description: Text
    owner: Text
    chart: Chart
    columns: Annotated[dict[str, Column], Field(min_length=1)]
    x: str | None = None
    y: tuple[str, ...] = ()
    bars: tuple[str, ...] = ()
    series: str | None = None
    parameters: tuple[str, ...] = ()

    def statement(self, mark: Callable[[str], str]) -> str:
        """The statement with each parameter's place marked as the one who runs it wants it: `$1`, `{{symbol}}`."""
        return _PLACEHOLDER.sub(lambda found: mark(found[1]) if found[1] else "%", self.sql)


def load_questions(parameters: Mapping[str, Parameter], root: Path) -> dict[str, Question]:
    """Read and check every question.

    Args:
        parameters: The known parameters; a question may name no other.
        root: The repository.

    Returns:
        Name to question, in the order of names.

    Raises:
        ReportError: A file breaks a rule.
    """
    paths = sorted((root / QUESTIONS_FOLDER).glob("*.sql"))
    return {path.stem: _load(path, parameters) for path in paths}


def _load(path: Path, parameters: Mapping[str, Parameter]) -> Question:
    file = f"{QUESTIONS_FOLDER}/{path.name}"
    lines = path.read_text(encoding="utf-8").splitlines()
    end = next((number for number, line in enumerate(lines) if not line.startswith("--")), len(lines))
    header = parse(file, "\n".join(line.removeprefix("--").removeprefix(" ") for line in lines[:end]))
    sql = "\n".join(lines[end:]).rstrip().removesuffix(";")
    question = header.validated(Question, name=path.stem, file=file, first_line=end + 1, sql=sql)
    _check_drawing(question, header)
    _check_parameters(question, header, parameters)
    return question


def _check_drawing(question: Question, header: Located) -> None:
    drawn = {"x": (question.x,), "y": question.y, "bars": question.bars, "series": (question.series,)}
    given = {key for key, names in drawn.items() if any(names)}
    needs, may = _NEEDS[question.chart], _MAY.get(question.chart, set())
    for key in sorted(needs - given):
        raise header.error(
            ("chart",), f"a {question.chart} needs {key}", f"name a column as {key}, or choose another chart"
        )
    for key in sorted(given - needs - may):
        raise header.error((key,), f"a {question.chart} has no {key}", "remove the key, or choose another chart")
    if len(question.y) > 1 and (question.series or question.chart in ("number", "heatmap")):
        raise header.error(("y",), "there is room for one column only", "name one")
    for key, names in drawn.items():
        for name in names:
            if name and name not in question.columns:
                raise header.error((key,), f"{name} is not among the columns", "list it there, or correct its name")
    if question.chart == "candlestick" and (missing := [name for name in CANDLE if name not in question.columns]):
        raise header.error(
            ("columns",), f"a candlestick needs {', '.join(missing)}", "add to the columns what is missing"
        )


def _check_parameters(question: Question, header: Located, parameters: Mapping[str, Parameter]) -> None:
    for position, name in enumerate(question.parameters):
        if name not in parameters:
            raise header.error(
                ("parameters", position),
                f"unknown parameter {name}",
                f"add it to {PARAMETERS_FILE} or correct its name",
            )
    bound = set()
    for found in _PLACEHOLDER.finditer(question.sql):
        line = question.first_line + question.sql.count("\n", 0, found.start())
        if found[1] is None and found[2] is None:
            raise ReportError(question.file, line, "a % alone means nothing", "write %% for a percent sign")
        if found[1] is not None and found[1] not in question.parameters:
            raise ReportError(question.file, line, f"unknown parameter {found[1]}", "list it under parameters")
        bound.add(found[1])
    for position, name in enumerate(question.parameters):
        if name not in bound:
            raise header.error(("parameters", position), f"{name} changes nothing", f"use %({name})s or remove it")
