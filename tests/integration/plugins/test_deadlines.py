"""A missed deadline, from the triggerer's callback to a real Alertmanager."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from airflow.triggers.callback import CallbackTrigger
from marketpulse.alertmanager import ANSWER_SECONDS
from marketpulse.deadlines import ALERT_LASTS, alert_after

from tests.integration.running_alertmanager import LABELS, running_alertmanager, wait_until
from tests.sent_metrics import sent_lines

DAG_ID = "load_bars"
RUN_ID = "scheduled__2026-03-02T12:00:00+00:00"
COUNTED = f"marketpulse.deadlines_missed,dag_id={DAG_ID}:1|c"
NOT_POSTED = "marketpulse.alerts_not_posted,alertname=DeadlinesMissed:1|c"


@pytest.fixture
def alertmanager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A running Alertmanager, which the environment names."""
    with running_alertmanager(tmp_path) as client:
        monkeypatch.setenv("ALERTMANAGER_URL", str(client.base_url).removesuffix("/api/v2/"))
        yield client


def miss_deadline(dag_id: str = DAG_ID) -> list[Any]:
    """What Airflow's triggerer does for a run that missed the deadline of its DAG file; its events' payloads."""
    callback = alert_after(dag_id, timedelta(minutes=5)).callback
    context = {"dag_run": {"dag_run_id": RUN_ID, "dag_id": dag_id}, "deadline": {"id": "1"}}
    trigger = CallbackTrigger(callback.path, {**callback.kwargs, "context": context})

    async def run() -> list[Any]:
        return [event.payload async for event in trigger.run()]

    return asyncio.run(run())


def told(client: httpx.Client, **parameters: str) -> list[dict[str, Any]]:
    """The alerts that Alertmanager has."""
    alerts: list[dict[str, Any]] = client.get("/alerts", params=parameters).raise_for_status().json()
    return alerts


def test_a_missed_deadline_is_counted_and_reaches_the_data_team(
    alertmanager: httpx.Client, receiver: socket.socket
) -> None:
    before = datetime.now(UTC)
    assert miss_deadline() == [{"state": "running"}, {"state": "success", "body": None}]
    wait_until(lambda: told(alertmanager))

    (alert,) = told(alertmanager)
    assert alert["labels"] == {"alertname": "DeadlinesMissed", "dag_id": DAG_ID, **LABELS["DeadlinesMissed"]}
    assert alert["receivers"] == [{"name": "ticket-data"}]
    assert alert["status"]["state"] != "suppressed"
    assert RUN_ID in alert["annotations"]["description"]
    lasts = datetime.fromisoformat(alert["endsAt"]) - before
    assert ALERT_LASTS <= lasts < ALERT_LASTS + timedelta(minutes=1)
    assert sent_lines(receiver) == [COUNTED]


def test_what_prometheus_says_of_the_same_deadline_is_the_same_alert(
    alertmanager: httpx.Client, receiver: socket.socket
) -> None:
    miss_deadline()
    by_rule = {"alertname": "DeadlinesMissed", "dag_id": DAG_ID, **LABELS["DeadlinesMissed"]}
    resolves = {"endsAt": (datetime.now(UTC) + timedelta(minutes=1)).isoformat()}
    alertmanager.post("/alerts", json=[{"labels": by_rule, **resolves}]).raise_for_status()
    for dag_id in (DAG_ID, "ingest_bars"):
        took = {"alertname": "RunsOverDeadline", "dag_id": dag_id, **LABELS["RunsOverDeadline"]}
        alertmanager.post("/alerts", json=[{"labels": took}]).raise_for_status()
    wait_until(lambda: len(told(alertmanager)) >= 3)

    names = [(each["labels"]["alertname"], each["labels"]["dag_id"]) for each in told(alertmanager, inhibited="false")]
    assert sorted(names) == [("DeadlinesMissed", DAG_ID), ("RunsOverDeadline", "ingest_bars")]
    assert len(told(alertmanager)) == 3


def test_it_resolves_as_late_as_the_later_of_the_two_says(alertmanager: httpx.Client, receiver: socket.socket) -> None:
    """Prometheus may have come too late for the counter's increase, and says after a minute that it is over."""
    miss_deadline()
    wait_until(lambda: told(alertmanager))
    (alert,) = told(alertmanager)
    soon = {"endsAt": (datetime.now(UTC) + timedelta(minutes=1)).isoformat()}
    alertmanager.post("/alerts", json=[{"labels": alert["labels"], **soon}]).raise_for_status()
    wait_until(lambda: told(alertmanager)[0]["updatedAt"] != alert["updatedAt"])

    assert told(alertmanager)[0]["endsAt"] == alert["endsAt"]


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:1", "http://no-such-host.invalid:9093", "nonsense", "http://["])
def test_without_alertmanager_the_triggerer_is_not_disturbed(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("ALERTMANAGER_URL", url)

    assert miss_deadline()[-1] == {"state": "success", "body": None}
    assert sent_lines(receiver) == [COUNTED, NOT_POSTED] if url else [COUNTED]


def test_an_alertmanager_that_refuses_is_counted(
    alertmanager: httpx.Client, receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALERTMANAGER_URL", str(alertmanager.base_url) + "elsewhere")

    assert miss_deadline()[-1] == {"state": "success", "body": None}
    assert sent_lines(receiver) == [COUNTED, NOT_POSTED]
    assert told(alertmanager) == []


def test_an_alertmanager_that_hangs_is_left_in_time(receiver: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        monkeypatch.setenv("ALERTMANAGER_URL", f"http://127.0.0.1:{mute.getsockname()[1]}")
        started = time.monotonic()
        assert miss_deadline()[-1] == {"state": "success", "body": None}
        took = time.monotonic() - started

    assert took < 3 * ANSWER_SECONDS
    assert sent_lines(receiver) == [COUNTED, NOT_POSTED]
