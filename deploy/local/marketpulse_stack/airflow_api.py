"""Airflow's REST API, as the stack uses it."""

from __future__ import annotations

from typing import Any, Self

import httpx

from marketpulse_stack import credentials
from marketpulse_stack.settings import Settings

USER = "admin"
REQUEST_SECONDS = 30.0


class AirflowApi:
    """A session of the generated admin user.

    Raises (all methods):
        httpx.HTTPError: Airflow does not answer, or refuses.
    """

    def __init__(self, settings: Settings) -> None:
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{settings.ports.airflow}", timeout=REQUEST_SECONDS, trust_env=False
        )
        self._log_in(settings)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._client.close()

    def _log_in(self, settings: Settings) -> None:
        password = credentials.secret(settings, "airflow_admin_password")
        answer = self._client.post("/auth/token", json={"username": USER, "password": password}).raise_for_status()
        self._client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"

    def get(self, path: str, **parameters: str | int) -> Any:
        """The JSON of a GET below /api/v2."""
        return self._client.get(f"/api/v2{path}", params=parameters).raise_for_status().json()

    def runs(self, dag_id: str, *, since: str) -> list[dict[str, Any]]:
        """Runs of a DAG created after `since` (ISO 8601), newest first."""
        answer = self.get(f"/dags/{dag_id}/dagRuns", order_by="-run_after", run_after_gte=since, limit=100)
        runs: list[dict[str, Any]] = answer["dag_runs"]
        return runs

    def unpause(self, dag_id: str) -> None:
        """Lets a DAG run; of one that runs already, nothing changes."""
        self._client.patch(f"/api/v2/dags/{dag_id}", json={"is_paused": False}).raise_for_status()

    def trigger(self, dag_id: str) -> str:
        """Starts a run now; returns its id."""
        answer = self._client.post(f"/api/v2/dags/{dag_id}/dagRuns", json={"logical_date": None}).raise_for_status()
        return str(answer.json()["dag_run_id"])

    def task_instances(self, dag_id: str, run_id: str) -> list[dict[str, Any]]:
        """The task instances of a run."""
        answer = self.get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances")
        instances: list[dict[str, Any]] = answer["task_instances"]
        return instances
