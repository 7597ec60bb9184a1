"""Dashboards: one YAML file each under `reports/dashboards`, with questions placed on a grid."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from marketpulse.reports.located import Located, parse
from marketpulse.reports.parameters import PARAMETERS_FILE, QUESTIONS_FOLDER, Name, Parameter, Text
from marketpulse.reports.questions import Question

DASHBOARDS_FOLDER = "reports/dashboards"
GRID_COLUMNS = 24


class Card(BaseModel):
    """A question and the cells of the grid that it takes, counted from the left and the top from 0 on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: Name
    column: Annotated[int, Field(ge=0, lt=GRID_COLUMNS)]
    row: Annotated[int, Field(ge=0)]
    width: Annotated[int, Field(ge=1, le=GRID_COLUMNS)]
    height: Annotated[int, Field(ge=1)]

    def overlaps(self, other: Card) -> bool:
        """Whether the two want one cell."""
        return (
            self.column < other.column + other.width
            and other.column < self.column + self.width
            and self.row < other.row + other.height
            and other.row < self.row + self.height
        )


class Tab(BaseModel):
    """Cards that are seen together."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: Text
    cards: Annotated[tuple[Card, ...], Field(min_length=1)]


class Dashboard(BaseModel):
    """Questions on one subject.

    Attributes:
        name: The file's name without its ending.
        owner: The team to ask about it.
        position: Where it stands among the dashboards.
        filters: The parameters that the reader can choose, for all cards that have them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Name
    title: Text
    description: Text
    owner: Text
    position: int
    filters: tuple[str, ...] = ()
    tabs: Annotated[tuple[Tab, ...], Field(min_length=1)]


def load_dashboards(
    parameters: Mapping[str, Parameter], questions: Mapping[str, Question], root: Path
) -> dict[str, Dashboard]:
    """Read and check every dashboard.

    Args:
        parameters: The known parameters.
        questions: The known questions; a card may name no other.
        root: The repository.

    Returns:
        Name to dashboard, by position.

    Raises:
        ReportError: A file breaks a rule.
    """
    dashboards = []
    for path in sorted((root / DASHBOARDS_FOLDER).glob("*.yml")):
        document = parse(f"{DASHBOARDS_FOLDER}/{path.name}", path.read_text(encoding="utf-8"))
        dashboard = document.validated(Dashboard, name=path.stem)
        for position, filter_ in enumerate(dashboard.filters):
            if filter_ not in parameters:
                fix = f"add it to {PARAMETERS_FILE} or correct its name"
                raise document.error(("filters", position), f"unknown parameter {filter_}", fix)
        for number, tab in enumerate(dashboard.tabs):
            _check_cards(dashboard, tab, ("tabs", number, "cards"), questions, document)
        _check_filters(dashboard, questions, document)
        dashboards.append(dashboard)
    return {dashboard.name: dashboard for dashboard in sorted(dashboards, key=lambda each: each.position)}


def _check_cards(
    dashboard: Dashboard, tab: Tab, path: tuple[str | int, ...], questions: Mapping[str, Question], document: Located
) -> None:
    for number, card in enumerate(tab.cards):
        here = (*path, number)
        if card.question not in questions:
            fix = f"add {QUESTIONS_FOLDER}/{card.question}.sql or correct the name"
            raise document.error((*here, "question"), f"there is no question {card.question}", fix)
        if card.column + card.width > GRID_COLUMNS:
            fix = f"keep column + width within {GRID_COLUMNS}"
            raise document.error((*here, "width"), f"{card.question} reaches over the right edge", fix)
        for other in tab.cards[:number]:
            if card.overlaps(other):
                raise document.error(here, f"{card.question} lies on {other.question}", "move one of the two")
        for name in questions[card.question].parameters:
            if name not in dashboard.filters:
                raise document.error(
                    here, f"{card.question} wants {name}, which is no filter", f"add {name} to filters"
                )


def _check_filters(dashboard: Dashboard, questions: Mapping[str, Question], document: Located) -> None:
    wanted = {name for tab in dashboard.tabs for card in tab.cards for name in questions[card.question].parameters}
    for position, name in enumerate(dashboard.filters):
        if name not in wanted:
            raise document.error(("filters", position), f"{name} filters no card", "remove it")
