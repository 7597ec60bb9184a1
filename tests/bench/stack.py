"""The stack that a benchmark runs on: its own home and ports, so that a running `make up` is left alone."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from tests.local_stack import REPOSITORY, TOOLS, run_stack, service_variables, stack_variables

HOME = REPOSITORY / ".run-bench"
SPARK_SUBMIT = REPOSITORY / "spark_jobs/bin/spark-submit"
JOB = REPOSITORY / "spark_jobs/marketpulse_spark/jobs/load_bars.py"
SPARK_PYTHON = TOOLS / "venvs/spark/bin/python"


@contextlib.contextmanager
def running_stack(*services: str, **settings: str) -> Iterator[dict[str, str]]:
    """Boots services (all, when none is named) and yields the variables that a process beside them needs."""
    variables = {**stack_variables(HOME), **settings}
    try:
        run_stack(variables, "clean")
        run_stack(variables, "up", *(["--only", ",".join(services)] if services else []))
        environment = service_variables(variables)
        os.environ["PGPASSFILE"] = environment["PGPASSFILE"]
        yield environment
    finally:
        run_stack(variables, "clean")
