"""make bench: prints the figures of the README, each measured side by side in one run.

python -m tests.bench [--only catch-up,minute-batch,two-years,airflow,backfill,questions] [--rounds 3] …
"""

from __future__ import annotations

import argparse
import json
import os
import platform

from tests.bench import airflow_latency, backfill, catch_up, minute_batch, questions, two_years
from tests.bench.backlog import Backlog
from tests.bench.stack import running_stack
from tests.local_stack import REPOSITORY

_PARTS = ("catch-up", "minute-batch", "two-years", "airflow", "backfill", "questions")


def main() -> None:
    """Runs the chosen parts, prints their tables and writes .run/bench.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(_PARTS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", default="500000,2000000")
    arguments = parser.parse_args()
    parts = arguments.only.split(",")
    if unknown := set(parts) - set(_PARTS):
        parser.error(f"no part is called {', '.join(sorted(unknown))}: choose from {', '.join(_PARTS)}")
    results: dict[str, object] = {"machine": f"{platform.machine()}, {os.cpu_count()} cores"}
    if {"catch-up", "minute-batch"} & set(parts):
        with running_stack("postgres", "kafka") as environment:
            topic = Backlog(environment)
            if "minute-batch" in parts:
                results["minute_batch"] = _print(minute_batch.measure(environment, topic, arguments.rounds))
            if "catch-up" in parts:
                sizes = [int(size) for size in arguments.messages.split(",")]
                results["catch_up"] = _print(catch_up.measure(environment, topic, sizes, arguments.rounds))
    if "two-years" in parts:
        with running_stack("postgres", "kafka") as environment:
            results["two_years"] = _print(two_years.measure(environment, arguments.rounds))
    if "airflow" in parts:
        with running_stack() as environment:
            results["airflow"] = _print(airflow_latency.measure(environment))
    if "backfill" in parts:
        with running_stack(**backfill.VARIABLES) as environment:
            results["backfill"] = _print(backfill.measure(environment))
    if "questions" in parts:
        with running_stack("postgres") as environment:
            results["questions"] = _print(questions.measure(environment))
    target = REPOSITORY / ".run" / "bench.json"
    target.parent.mkdir(exist_ok=True)
    target.write_text(json.dumps(results, indent=2) + "\n")
    print(f"written to {target.relative_to(REPOSITORY)}")


def _print(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    print()
    names = list(rows[0])
    lines = [names, *([str(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)))
    print(flush=True)
    return rows


if __name__ == "__main__":
    main()
