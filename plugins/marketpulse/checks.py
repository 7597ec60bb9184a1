"""Data checks in SQL: each compares two numbers, and says so.

A file of checks holds several statements, each below a line `-- check: name (fail)` or `-- check: name (warn)`. A
statement returns one row of two numbers, expected and found; the check holds when they are equal.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from marketpulse import metrics
from marketpulse.errors import MarketPulseError
from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 10
LOCK_SECONDS = 5
_HEADER = re.compile(r"^-- check: (\S+) \((fail|warn)\)\s*$", re.MULTILINE)

log = logging.getLogger(__name__)


class ChecksFailed(MarketPulseError):
    """Data that is loaded breaks a rule."""

    def __init__(self, lines: Iterable[str]) -> None:
        super().__init__("\n".join(["data checks failed:", *lines, "Next: run the check's SQL and look at its rows."]))


@dataclass(frozen=True, slots=True)
class Check:
    """One rule about the data.

    Attributes:
        name: What must hold.
        fails: Whether a run fails for it, or only warns.
        statement: Returns one row: expected, found.
    """

    name: str
    fails: bool
    statement: bytes


def parse_checks(text: str) -> list[Check]:
    """The checks of a file.

    Raises:
        ValueError: The file has no check, or SQL above its first.
    """
    preamble, *parts = _HEADER.split(text)
    if not parts or re.sub(r"--[^\n]*", "", preamble).strip():
        raise ValueError("a file of checks starts with a line like '-- check: name (fail)'")
    triples = zip(parts[0::3], parts[1::3], parts[2::3], strict=True)
    return [Check(name, severity == "fail", statement.encode()) for name, severity, statement in triples]


def run_checks(paths: Iterable[str]) -> None:
    """Run the checks of files under `sql/`, log a line for each, and fail once all have run.

    Raises:
        ChecksFailed: A check marked fail does not hold.
    """
    failed = []
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        for path in paths:
            for check in parse_checks(sql(path).decode()):
                row = connection.execute(check.statement).fetchone()
                expected, found = row if row else (Decimal(0), None)
                line = f"{check.name}: expected {expected}, found {found} ({path})"
                if expected == found:
                    log.info("ok    %s", line)
                    continue
                metrics.count("checks_broken", 1, check=check.name)
                if check.fails:
                    log.error("FAIL  %s", line)
                    failed.append(line)
                else:
                    log.warning("WARN  %s", line)
    if failed:
        raise ChecksFailed(failed)
