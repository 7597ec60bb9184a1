"""What the services get to see."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest
from marketpulse_stack import credentials
from marketpulse_stack.environment import environment_files, full_environment, runtime_variables
from marketpulse_stack.settings import Settings, load_settings


def test_no_password_is_in_a_variable_and_files_are_private(settings: Settings) -> None:
    credentials.prepare(settings)
    secrets = [
        file.read_text().strip() for file in settings.secrets.iterdir() if file.name.endswith(("password", "key"))
    ]
    assert len(secrets) >= 8
    text = "\n".join(environment_files(settings).values())
    assert not [secret for secret in secrets if secret in text]
    modes = {stat.S_IMODE(file.stat().st_mode) for file in settings.secrets.iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE(settings.secrets.stat().st_mode) == 0o700


def test_passwords_are_generated_once(settings: Settings) -> None:
    credentials.prepare(settings)
    before = {file.name: file.read_text() for file in settings.secrets.iterdir()}
    credentials.prepare(settings)
    assert {file.name: file.read_text() for file in settings.secrets.iterdir()} == before


def test_without_a_key_the_vendor_is_the_simulator(settings: Settings) -> None:
    variables = runtime_variables(settings)
    assert variables["ALPHA_VANTAGE_BASE_URL"] == f"http://127.0.0.1:{settings.ports.simulator}"
    assert credentials.vendor_keys(settings)["ALPHA_VANTAGE_API_KEY"].startswith("SIM")


def test_with_a_key_the_vendor_is_asked_and_no_simulator_url_is_set(settings: Settings) -> None:
    live = replace(settings, keys={"ALPHA_VANTAGE_API_KEY": "REALKEY"})
    assert "ALPHA_VANTAGE_BASE_URL" not in runtime_variables(live)
    assert credentials.vendor_keys(live) == {"ALPHA_VANTAGE_API_KEY": "REALKEY"}


def test_settings_of_other_vendors_reach_the_services_and_their_keys_only_as_secrets(checkout: Path) -> None:
    (checkout / ".env").write_text(
        "COINBASE_ENABLED=true\nCOINBASE_API_KEY=CANARY\nALPHA_VANTAGE_BASE_URL=http://own\n"
    )
    settings = load_settings({}, root=checkout)
    credentials.prepare(settings)
    files = environment_files(settings)
    assert "COINBASE_ENABLED=true\n" in files[settings.home / "env"]
    assert "ALPHA_VANTAGE_BASE_URL=http://own\n" in files[settings.home / "env"]
    assert "CANARY" not in "".join(files.values())
    secrets = (settings.secrets / "env").read_text().splitlines()
    assert [line.partition("=")[0] for line in secrets] == ["ALPHA_VANTAGE_API_KEY", "COINBASE_API_KEY"]
    assert "COINBASE_API_KEY=CANARY" in secrets
    assert full_environment(settings)["COINBASE_API_KEY"] == "CANARY"


def test_producer_waits_for_all_replicas_and_partitions_as_java_does(settings: Settings) -> None:
    extra = json.loads(runtime_variables(settings)["AIRFLOW_CONN_KAFKA_DEFAULT"])["extra"]
    assert extra["bootstrap.servers"] == f"127.0.0.1:{settings.ports.kafka}"
    assert (extra["enable.idempotence"], extra["acks"], extra["partitioner"]) == (True, "all", "murmur2_random")


def test_variables_of_the_callers_shell_do_not_reach_the_services(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "True")
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("CANARY", "value")
    text = "\n".join(environment_files(settings).values())
    assert "CANARY" not in text
    assert "/somewhere" not in text
    assert "AIRFLOW__CORE__LOAD_EXAMPLES=False" in text


def test_watchdog_finds_the_stack_from_its_variables_alone(settings: Settings) -> None:
    lines = environment_files(settings)[settings.run / "stack.env"].splitlines()
    seen = load_settings(dict(line.split("=", 1) for line in lines), root=settings.root)
    assert (seen.home, seen.ports) == (settings.home, settings.ports)
    assert os.fspath(seen.tools) == os.fspath(settings.tools)
