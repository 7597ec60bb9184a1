"""The table of a chaos run, and its JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.chaos.checks import Findings
from tests.chaos.loader import WritePath

_HEAD = (
    "fault",
    "path",
    "times",
    "healed in",
    "worst s",
    "lost",
    "doubled",
    "ledger=data",
    "bars",
    "indicators",
    "left",
)


@dataclass(frozen=True)
class Outcome:
    """One strike of a fault and what came after.

    Attributes:
        runs: How many further runs healed it; nothing when two did not.
        seconds: From the fault to the end of the run that healed it; for a zombie, until the other loader was done.
        error: What kept the episode from its end; empty otherwise.
        findings: What the checks found afterwards.
    """

    fault: str
    path: WritePath
    repetition: int
    runs: int | None
    seconds: float
    error: str
    findings: Findings

    @property
    def holds(self) -> bool:
        """Whether it was healed, and every check holds."""
        return self.runs is not None and not self.error and not self.findings

    def line(self) -> str:
        """One line of progress."""
        healed = (
            f"healed in {self.runs} run{'s'[: self.runs != 1]}, {self.seconds:.1f} s" if self.runs else "NOT HEALED"
        )
        wrong = "; ".join([self.error, *(f"{name}: {found}" for name, found in vars(self.findings).items() if found)])
        return f"{self.fault:<29}{self.path:<10} {healed:<26}{'ok' if self.holds else f'FAILED {wrong}'}"


def table(outcomes: Iterable[Outcome]) -> str:
    """All outcomes, one line for each fault and path: the worst of its strikes."""
    groups: dict[tuple[str, str], list[Outcome]] = {}
    for outcome in outcomes:
        groups.setdefault((outcome.fault, outcome.path), []).append(outcome)
    rows = [_HEAD, *(_row(fault, path, group) for (fault, path), group in groups.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])


def _row(fault: str, path: str, group: Sequence[Outcome]) -> tuple[str, ...]:
    runs = [outcome.runs for outcome in group]
    healed = "not healed" if None in runs else f"{max(each for each in runs if each is not None)} run(s)"
    missed = any(outcome.error for outcome in group)

    def verdict(column: str, good: str, bad: str) -> str:
        if any(getattr(outcome.findings, column) for outcome in group):
            return bad
        return "?" if missed else good

    return (
        fault,
        path,
        str(len(group)),
        healed,
        f"{max(outcome.seconds for outcome in group):.1f}",
        verdict("lost", "0", "LOST"),
        verdict("doubled", "0", "DOUBLED"),
        verdict("ledger", "yes", "NO"),
        verdict("bars", "equal", "DIFFER"),
        verdict("indicators", "equal", "DIFFER"),
        verdict("left_over", "nothing", "LEFT"),
    )


def write_json(path: Path, outcomes: Sequence[Outcome], facts: Mapping[str, Any]) -> None:
    """Writes the facts of the run and every outcome."""
    content = {**facts, "passed": all(each.holds for each in outcomes), "outcomes": [asdict(each) for each in outcomes]}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")
