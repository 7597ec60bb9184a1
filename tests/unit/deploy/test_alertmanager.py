"""Alertmanager's configuration: who is told, and by which channels."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from marketpulse_stack.alertmanager import write_configuration
from marketpulse_stack.errors import InvalidSettingError
from marketpulse_stack.settings import REPOSITORY, Settings, load_settings

from tests.local_stack import TOOLS

CHANNELS = {
    "ALERT_SLACK_URL": "https://hooks.example.com/T0/B0/not-a-secret",
    "ALERT_WEBHOOK_URL": "http://127.0.0.1:1/alerts",
    "ALERT_MAIL_TO_DATA": "data@example.com",
    "ALERT_SMTP_HOST": "mail.example.com:587",
    "ALERT_SMTP_USER": "marketpulse",
    "ALERT_SMTP_PASSWORD": "not-a-secret",
    "ALERT_HEARTBEAT_URL": "http://127.0.0.1:1/heartbeat",
}


def _amtool(*arguments: str) -> str:
    finished = subprocess.run([TOOLS / "bin" / "amtool", *arguments], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return finished.stdout


def _rendered(tmp_path: Path, **variables: str) -> Settings:
    settings = load_settings({"MARKETPULSE_HOME": str(tmp_path), "MARKETPULSE_ENV_FILE": "/dev/null", **variables})
    settings.run.mkdir(parents=True)
    write_configuration(settings)
    _amtool("check-config", str(settings.run / "alertmanager.yml"))
    return settings


def _receivers(settings: Settings) -> dict[str, dict[str, Any]]:
    document = yaml.safe_load((settings.run / "alertmanager.yml").read_text())
    return {receiver.pop("name"): receiver for receiver in document["receivers"]}


@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        (("severity=page", "team=data"), "page-data"),
        (("severity=page", "team=platform"), "page-platform"),
        (("severity=ticket", "team=data"), "ticket-data"),
        (("severity=ticket", "team=platform"), "ticket-platform"),
        (("severity=heartbeat", "team=platform"), "heartbeat"),
        # Forgotten labels lose no alert.
        (("alertname=Unlabelled",), "ticket-platform"),
    ],
)
def test_severity_and_team_choose_the_receiver(labels: tuple[str, ...], receiver: str) -> None:
    configuration = REPOSITORY / "monitoring" / "alertmanager" / "alertmanager.yml"
    _amtool("config", "routes", "test", f"--config.file={configuration}", f"--verify.receivers={receiver}", *labels)


def test_without_channels_nobody_is_told(tmp_path: Path) -> None:
    assert not any(_receivers(_rendered(tmp_path)).values())


def test_channels_of_the_settings_reach_their_receivers(tmp_path: Path) -> None:
    settings = _rendered(tmp_path, **CHANNELS)
    receivers = _receivers(settings)
    assert {name: sorted(channels) for name, channels in receivers.items()} == {
        "page-data": ["email_configs", "slack_configs", "webhook_configs"],
        "page-platform": ["slack_configs", "webhook_configs"],
        "ticket-data": ["email_configs", "slack_configs", "webhook_configs"],
        "ticket-platform": ["slack_configs", "webhook_configs"],
        "heartbeat": ["webhook_configs"],
    }
    assert receivers["page-data"]["email_configs"][0]["to"] == "data@example.com"
    assert stat.S_IMODE((settings.run / "alertmanager.yml").stat().st_mode) == 0o600


def test_mail_without_a_server_is_refused() -> None:
    with pytest.raises(InvalidSettingError, match="ALERT_SMTP_HOST"):
        load_settings({"MARKETPULSE_ENV_FILE": "/dev/null", "ALERT_MAIL_TO_DATA": "data@example.com"})
