"""Alertmanager: its configuration, with the channels that are set in `.env`."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from typing import Any

import yaml

from marketpulse_stack.credentials import write_private
from marketpulse_stack.settings import Settings

SUMMARY = "{{ range .Alerts }}{{ .Status }}: {{ .Annotations.summary }}\n{{ end }}"
DETAILS = "{{ range .Alerts }}{{ .Annotations.description }} Runbook: {{ .Annotations.runbook }}\n{{ end }}"


def write_configuration(settings: Settings) -> None:
    """Renders monitoring/alertmanager/alertmanager.yml; the file holds passwords, so only its owner can read it."""
    document = yaml.safe_load((settings.root / "monitoring" / "alertmanager" / "alertmanager.yml").read_text())
    for receiver in document["receivers"]:
        receiver.update(_channels(receiver["name"], settings.alerting))
    write_private(settings.run / "alertmanager.yml", yaml.safe_dump(document, sort_keys=False))


def show_alerts(settings: Settings) -> int:
    """Prints what fires and is not inhibited; returns the exit code of amtool, which says why it cannot."""
    url = f"--alertmanager.url=http://127.0.0.1:{settings.ports.alertmanager}"
    return subprocess.run([settings.tools / "bin" / "amtool", url, "alert", "query"], check=False).returncode


def _channels(receiver: str, alerting: Mapping[str, str]) -> dict[str, list[dict[str, Any]]]:
    """The integrations of a receiver, in Alertmanager's own words."""
    if receiver == "heartbeat":
        url = alerting.get("ALERT_HEARTBEAT_URL")
        return {"webhook_configs": [{"url": url, "send_resolved": False}]} if url else {}
    channels: dict[str, list[dict[str, Any]]] = {}
    if url := alerting.get("ALERT_SLACK_URL"):
        slack = {"api_url": url, "send_resolved": True, "title": f"{receiver}: {{{{ .GroupLabels.alertname }}}}"}
        channels["slack_configs"] = [{**slack, "text": SUMMARY + DETAILS}]
    if url := alerting.get("ALERT_WEBHOOK_URL"):
        channels["webhook_configs"] = [{"url": url, "send_resolved": True}]
    team = receiver.rsplit("-", 1)[1]
    if address := alerting.get(f"ALERT_MAIL_TO_{team.upper()}"):
        mail: dict[str, Any] = {
            "to": address,
            "from": alerting.get("ALERT_MAIL_FROM", "marketpulse@localhost"),
            "smarthost": alerting["ALERT_SMTP_HOST"],
            "send_resolved": True,
            "headers": {"Subject": f"{receiver}: {{{{ .GroupLabels.alertname }}}}"},
            "html": "",
            "text": SUMMARY + DETAILS,
        }
        if user := alerting.get("ALERT_SMTP_USER"):
            mail |= {"auth_username": user, "auth_password": alerting.get("ALERT_SMTP_PASSWORD", "")}
        channels["email_configs"] = [mail]
    return channels
