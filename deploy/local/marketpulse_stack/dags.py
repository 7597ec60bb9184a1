"""Which DAGs run, and when each begins: those that bring bars first, the others once bars have arrived.

Airflow starts the missed run of every DAG as soon as it knows the DAG. On a new stack all of them would compete for
the machine with the first bars, which most of them need. So DAGs begin paused, and `make up` sets each going once:
what a person pauses later stays paused.
"""

from __future__ import annotations

import time

import httpx

from marketpulse_stack.airflow_api import AirflowApi
from marketpulse_stack.commands import CancelledError, cancelled
from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.settings import BAR_DAGS, Settings

NAME = "other DAGs"
KNOWN_SECONDS = 120.0
POLL_SECONDS = 1.0


def not_begun(settings: Settings) -> list[str]:
    """The chosen DAGs that no `make up` has set going."""
    begun = _begun(settings)
    return [dag_id for dag_id in settings.dags if dag_id not in begun]


def begin_bars(settings: Settings, api: AirflowApi) -> None:
    """Sets the DAGs going that bring bars, unless an earlier `make up` has.

    Raises:
        httpx.HTTPStatusError: Airflow does not know one of them yet.
    """
    for dag_id in set(BAR_DAGS) & set(not_begun(settings)):
        _begin(settings, api, dag_id)


def begin_others(settings: Settings) -> str:
    """Sets all others going, each as soon as Airflow knows it; returns a note for the user.

    Raises:
        ServiceFailedError: Airflow does not get to know one of them.
    """
    waiting = not_begun(settings)
    deadline = time.monotonic() + KNOWN_SECONDS
    while waiting:
        if cancelled():
            raise CancelledError(NAME)
        try:
            with AirflowApi(settings) as api:
                for dag_id in list(waiting):
                    _begin(settings, api, dag_id)
                    waiting.remove(dag_id)
        except httpx.HTTPError as error:
            if time.monotonic() > deadline:
                raise ServiceFailedError(
                    f"{waiting[0]} does not begin: {error or type(error).__name__}.",
                    fix="`make logs S=airflow-dag-processor` shows errors in a DAG; then `make up` again.",
                ) from error
            time.sleep(POLL_SECONDS)
    return f"{len(settings.dags) - len(BAR_DAGS)} run"


def _begin(settings: Settings, api: AirflowApi, dag_id: str) -> None:
    api.unpause(dag_id)
    with (settings.home / "airflow" / "dags_begun").open("a") as file:
        file.write(f"{dag_id}\n")


def _begun(settings: Settings) -> set[str]:
    file = settings.home / "airflow" / "dags_begun"
    return set(file.read_text().splitlines()) if file.exists() else set()
