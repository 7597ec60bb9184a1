"""A whole stack of a test's own: free ports, a fresh state folder, nothing left behind."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import httpx
import psycopg
from marketpulse_stack import postgres
from marketpulse_stack.airflow_api import AirflowApi
from marketpulse_stack.settings import Settings, load_settings
from marketpulse_stack.supervision import Supervisor

from tests.local_stack import REPOSITORY, execute, stack_variables


class RunningStack:
    """Handles to one stack.

    Args:
        overrides: Settings beside ports and folders.
        project: The checkout that it runs from.
    """

    def __init__(self, overrides: Mapping[str, str], *, project: Path = REPOSITORY) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="mp-"))
        self.project = project
        self.environment = {**stack_variables(self.folder / "state"), **overrides}
        self.settings: Settings = load_settings(self.environment, root=project)

    def make(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Runs make in the checkout, as a user would; standard output and error come together."""
        return execute({**self.environment, **more}, "make", "-s", *arguments, folder=self.project)

    def up(self) -> str:
        """`make up`; returns what it printed."""
        finished = self.make("up")
        assert finished.returncode == 0, finished.stdout
        return finished.stdout

    def down(self) -> None:
        """`make down`."""
        finished = self.make("down")
        assert finished.returncode == 0, finished.stdout

    def remove(self) -> None:
        """`make down`, and the state folder goes."""
        self.down()
        shutil.rmtree(self.folder)

    def query(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows from the warehouse."""
        with psycopg.connect(postgres.superuser_dsn(self.settings, "marketpulse")) as connection:
            connection.execute("SET TIME ZONE 'UTC'")
            return connection.execute(statement.encode(), values or None).fetchall()

    def runs(self, dag_id: str) -> list[dict[str, Any]]:
        """All runs of a DAG, newest first."""
        with AirflowApi(self.settings) as api:
            return api.runs(dag_id, since="2020-01-01T00:00:00Z")

    def prometheus(self, expression: str) -> list[dict[str, Any]]:
        """The series that a PromQL expression yields now."""
        url = f"http://127.0.0.1:{self.settings.ports.prometheus}/api/v1/query"
        answer = httpx.get(url, params={"query": expression}, timeout=10, trust_env=False).raise_for_status().json()
        series: list[dict[str, Any]] = answer["data"]["result"]
        return series

    def alerts(self) -> list[dict[str, Any]]:
        """What Alertmanager has."""
        url = f"http://127.0.0.1:{self.settings.ports.alertmanager}/api/v2/alerts"
        alerts: list[dict[str, Any]] = httpx.get(url, timeout=10, trust_env=False).raise_for_status().json()
        return alerts

    def pids(self) -> dict[str, int]:
        """Process id of each service."""
        return {name: state.pid for name, state in Supervisor(self.settings).states().items()}


def wait_until(condition: Callable[[], object], *, seconds: float, what: str) -> None:
    """Waits until `condition` holds; what it raises meanwhile by a lost connection counts as not yet."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
            last: object = "it does not hold"
        except (httpx.HTTPError, psycopg.OperationalError, OSError) as error:
            last = error
        assert time.monotonic() < deadline, f"{what}: not within {seconds:.0f} s ({last})"
        time.sleep(1)
