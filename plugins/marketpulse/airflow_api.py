"""Asking the running Airflow for a run, by its public REST API."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote

import httpx
from airflow.sdk.configuration import conf

from marketpulse.errors import MarketPulseError

ADMIN = "admin"
ANSWER_SECONDS = 10.0


class AirflowUnreachable(MarketPulseError):
    """Airflow did not take the request; says why."""


class AirflowApi:
    """A signed-in session with the local Airflow.

    Raises:
        AirflowUnreachable: No password, no answer, or a refusal.
    """

    def __init__(self) -> None:
        base_url = conf.get("api", "base_url", fallback="") or f"http://127.0.0.1:{conf.getint('api', 'port')}"
        self._http = httpx.Client(base_url=base_url, timeout=ANSWER_SECONDS)
        answer = self._ask("POST", "/auth/token", {"username": ADMIN, "password": _password()}, {})
        self._headers = {"Authorization": f"Bearer {answer['access_token']}"}

    def trigger(self, dag_id: str, note: str) -> str:
        """Start a run now; returns its id.

        Raises:
            AirflowUnreachable: No answer, or a refusal.
        """
        body = {"logical_date": None, "note": note}
        return str(self._ask("POST", f"/api/v2/dags/{dag_id}/dagRuns", body, self._headers)["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """What became of a run: queued, running, success or failed.

        Raises:
            AirflowUnreachable: No answer, or a refusal.
        """
        return str(
            self._ask("GET", f"/api/v2/dags/{dag_id}/dagRuns/{quote(run_id, safe='')}", None, self._headers)["state"]
        )

    def _ask(
        self, method: str, path: str, body: dict[str, str | None] | None, headers: dict[str, str]
    ) -> dict[str, object]:
        try:
            response = self._http.request(method, path, json=body, headers=headers)
        except httpx.HTTPError as error:
            raise AirflowUnreachable(f"{method} {path}: {type(error).__name__}: {error}") from None
        if not response.is_success:
            raise AirflowUnreachable(f"{method} {path}: HTTP {response.status_code} {response.text[:200]}")
        answer: dict[str, object] = response.json()
        return answer


def _password() -> str:
    path = Path(os.environ.get("MARKETPULSE_HOME", ".run")) / "secrets" / "airflow_admin_password"
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise AirflowUnreachable(f"no password of Airflow's {ADMIN}: {error}") from None
