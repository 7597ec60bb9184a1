"""Grafana's dashboards as their files say.

Standard library only: the tests of every environment use it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: The series that an expression yields now, as Prometheus' API puts them.
Ask = Callable[[str], list[dict[str, Any]]]

#: As Grafana sets them for three hours: four times the data source's interval, and the time shown.
OF_GRAFANA = {"__rate_interval": "1m", "__range": "3h"}
FOLDER = Path(__file__).resolve().parents[1] / "monitoring" / "grafana" / "dashboards"


@dataclass(frozen=True)
class Panel:
    """One panel and the queries that it shows; `definition` is all that its file says of it."""

    board: str
    title: str
    queries: tuple[str, ...]
    definition: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.board}: {self.title}"


def boards() -> dict[str, dict[str, Any]]:
    """Each dashboard's definition, by the name of its file."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def panels() -> list[Panel]:
    """The panels of all dashboards."""
    return [
        Panel(name, each["title"], tuple(target["expr"] for target in each["targets"]), each)
        for name, board in boards().items()
        for each in board["panels"]
        if each["type"] != "row"
    ]


def without_data(panel: Panel, ask: Ask) -> list[str]:
    """The queries that show nothing, as Grafana sends them with all values of each variable."""
    values = dict(OF_GRAFANA)
    for name, metric in variables()[panel.board].items():
        values[name] = "|".join(sorted(each["metric"][name] for each in ask(f"group by ({name}) ({metric})")))
    sent = [re.sub(r"\$(\w+)", lambda match: values[match[1]], query) for query in panel.queries]
    return [query for query in sent if all(math.isnan(float(each["value"][1])) for each in ask(query))]


def variables() -> dict[str, dict[str, str]]:
    """Of each dashboard, its variables: the metric whose label of that name has their values."""
    return {name: dict(_variables(board)) for name, board in boards().items()}


def _variables(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for variable in board.get("templating", {}).get("list", []):
        match = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"])
        assert match, variable["query"]
        assert match[2] == variable["name"]
        yield match[2], match[1]
