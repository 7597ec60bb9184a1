"""A real Alertmanager with our configuration: one fault, one page."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import yaml

from tests.local_stack import REPOSITORY, TOOLS, free_ports

RULES = REPOSITORY / "monitoring" / "prometheus" / "rules"
LABELS: dict[str, dict[str, str]] = {
    rule["alert"]: rule["labels"]
    for path in RULES.glob("*.yml")
    for group in yaml.safe_load(path.read_text())["groups"]
    for rule in group["rules"]
    if "alert" in rule
}
SERIES = {"source": "alpha_vantage", "calendar": "XNYS", "topic": "market.bars.v1"}


@pytest.fixture
def alertmanager(tmp_path: Path) -> Iterator[httpx.Client]:
    """A running Alertmanager without alerts."""
    (port,) = free_ports(1)
    command = [
        str(TOOLS / "bin" / "alertmanager"),
        f"--config.file={REPOSITORY / 'monitoring' / 'alertmanager' / 'alertmanager.yml'}",
        f"--storage.path={tmp_path}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    with (
        subprocess.Popen(command, stderr=subprocess.DEVNULL) as process,
        httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v2", trust_env=False) as client,
    ):
        try:
            _wait(lambda: client.get("/status").is_success)
            yield client
        finally:
            process.terminate()


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 20
    while True:
        try:
            if condition():
                return
        except httpx.TransportError:
            pass  # Not listening yet.
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _told(client: httpx.Client, firing: set[str]) -> set[str]:
    """Which of these alerts are not inhibited once all of them fire."""
    alerts = [{"labels": {"alertname": name, **LABELS[name], **SERIES}} for name in firing]
    client.post("/alerts", json=alerts).raise_for_status()
    _wait(lambda: {each["labels"]["alertname"] for each in client.get("/alerts").json()} == firing)
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
        ("LoadsFail", {"BarsStale", "RunsFailed", "DeadlinesMissed", "BacklogStays"}),
        ("BarsStale", {"FreshnessBudgetBurnsFast", "FreshnessBudgetBurns"}),
        ("DeadLetterBurst", {"DeadLetters"}),
    ],
)
def test_a_cause_is_told_and_its_symptoms_are_not(alertmanager: httpx.Client, cause: str, symptoms: set[str]) -> None:
    assert _told(alertmanager, {cause, *symptoms}) == {cause}


def test_what_has_causes_of_its_own_is_told(alertmanager: httpx.Client) -> None:
    alone = {"DiskAlmostFull", "BarsMissing", "VendorsDisagree", "ServiceDown", "Watchdog", "AlertmanagerDown"}
    assert _told(alertmanager, alone) == alone
