"""A real Alertmanager with our configuration: one fault, one page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.running_alertmanager import LABELS, running_alertmanager, wait_until

SERIES = {"source": "alpha_vantage", "calendar": "XNYS", "topic": "market.bars.v1", "dag_id": "load_bars"}


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[httpx.Client]:
    """A running Alertmanager without alerts."""
    with running_alertmanager(tmp_path) as client:
        yield client


def _told(client: httpx.Client, firing: set[str]) -> set[str]:
    """Which of these alerts are not inhibited once all of them fire."""
    alerts = [{"labels": {"alertname": name, **LABELS[name], **SERIES}} for name in firing]
    client.post("/alerts", json=alerts).raise_for_status()
    wait_until(lambda: {each["labels"]["alertname"] for each in client.get("/alerts").json()} == firing)
    active = client.get("/alerts", params={"inhibited": "false"}).json()
    return {each["labels"]["alertname"] for each in active}


@pytest.mark.parametrize(
    ("cause", "symptoms"),
    [
        ("KafkaDown", {"BarsStale", "FreshnessBudgetBurnsFast", "LoadsFail", "RunsFailed", "MinuteRunsMissed"}),
        ("PostgresDown", {"SchedulerSilent", "AirflowApiDown", "BarsStale", "QuarterHourRunsMissed", "LoadsFail"}),
        ("StatsdExporterDown", {"SchedulerSilent", "ProbeSilent", "StatsdSilent", "MinuteRunsMissed", "BarsStale"}),
        ("SchedulerSilent", {"MinuteRunsMissed", "QuarterHourRunsMissed", "BarsStale", "TriggererSilent"}),
        ("AirflowApiDown", {"SchedulerSilent", "MinuteRunsMissed", "BarsStale", "RunsFailed"}),
        ("VendorFails", {"BarsStale", "FreshnessBudgetBurns", "VendorSlow"}),
        ("LoadsFail", {"BarsStale", "RunsFailed", "DeadlinesMissed", "BacklogStays", "HopOverBudget"}),
        ("BarsStale", {"FreshnessBudgetBurnsFast", "FreshnessBudgetBurns"}),
        ("DeadLetterBurst", {"DeadLetters"}),
        ("DeadlinesMissed", {"RunsOverDeadline"}),
    ],
)
def test_a_cause_is_told_and_its_symptoms_are_not(alertmanager: httpx.Client, cause: str, symptoms: set[str]) -> None:
    assert _told(alertmanager, {cause, *symptoms}) == {cause}


def test_what_has_causes_of_its_own_is_told(alertmanager: httpx.Client) -> None:
    alone = {"DiskAlmostFull", "BarsMissing", "VendorsDisagree", "ServiceDown", "Watchdog", "AlertmanagerDown"}
    assert _told(alertmanager, alone) == alone
