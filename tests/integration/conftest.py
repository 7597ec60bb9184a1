"""A real PostgreSQL and a real Kafka for the integration tests, whichever environment they run in."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_stack import run_stack, service_variables, stack_variables


@pytest.fixture(scope="session")
def stack_environment() -> Iterator[dict[str, str]]:
    """Boots PostgreSQL (migrated) and Kafka (topics created) of their own; yields the variables that processes need.

    These are the caller's own variables and those of `$MARKETPULSE_HOME/env`, so that a process started with them
    finds both services and every password (through PGPASSFILE).
    """
    home = Path(tempfile.mkdtemp(prefix="mp-"))
    variables = stack_variables(home / "state")
    try:
        run_stack(variables, "up", "--only", "postgres,kafka")
        yield service_variables(variables)
    finally:
        run_stack(variables, "down")
        shutil.rmtree(home)
