"""The table of a drill, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

DETECT_SECONDS = 120.0
RECOVER_SECONDS = 60.0
_HEAD = ("fault", "alert", "detected s", "recovered s", "resolved s", "other pages", "data")


@dataclass
class Outcome:
    """One fault and what came of it. Times are seconds; nothing where it did not happen.

    Attributes:
        detected: From the fault to its alert.
        recovered: From the end of the fault until every service is ready and every bar is there that is due.
        resolved: From the end of the fault to the end of its alert.
        other_pages: Pages that were sent beside it.
        missing: Bars that are not there, and messages that were not loaded exactly once, when all had recovered.
    """

    fault: str
    alert: str
    detected: float | None = None
    recovered: float | None = None
    resolved: float | None = None
    other_pages: list[str] = field(default_factory=list)
    missing: int = 0

    @property
    def failures(self) -> list[str]:
        """What does not hold, in words."""
        found = []
        if self.detected is None or self.detected > DETECT_SECONDS:
            found.append(f"detected after {_seconds(self.detected)}")
        if self.recovered is None or self.recovered > RECOVER_SECONDS:
            found.append(f"recovered after {_seconds(self.recovered)}")
        if self.resolved is None:
            found.append("its alert stays")
        if self.other_pages:
            found.append(f"also paged: {', '.join(self.other_pages)}")
        if self.missing:
            found.append("data is missing" if self.missing < 0 else f"{self.missing} bars or messages are missing")
        return found


def table(outcomes: Sequence[Outcome]) -> str:
    """A line for each fault."""
    rows = [_HEAD, *map(_row, outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def write_json(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Writes every outcome."""
    content = [asdict(each) | {"failures": each.failures} for each in outcomes]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"passed": not any(each.failures for each in outcomes), "faults": content}, indent=1))


def _row(outcome: Outcome) -> tuple[str, ...]:
    times = (outcome.detected, outcome.recovered, outcome.resolved)
    others = ", ".join(outcome.other_pages) or "none"
    return (outcome.fault, outcome.alert, *map(_seconds, times), others, "whole" if not outcome.missing else "HOLES")


def _seconds(value: float | None) -> str:
    return "never" if value is None else f"{value:.1f}"
