"""Where settings come from, and which are refused."""

from __future__ import annotations

from pathlib import Path

import pytest
from marketpulse.config import OVERRIDES
from marketpulse_stack.errors import InvalidSettingError
from marketpulse_stack.settings import (
    ALERTING,
    BAR_DAGS,
    DEFAULT_PORTS,
    REPOSITORY,
    SOURCE_ENDINGS,
    SOURCES_FILE,
    load_settings,
)


def test_environment_wins_over_file_and_file_over_default(checkout: Path) -> None:
    (checkout / ".env").write_text("POSTGRES_PORT=25432\nKAFKA_PORT=29092\n")
    ports = load_settings({"KAFKA_PORT": "39092"}, root=checkout).ports
    assert (ports.postgres, ports.kafka, ports.airflow) == (25432, 39092, DEFAULT_PORTS["AIRFLOW_PORT"])


def test_other_file_takes_the_place_of_env(checkout: Path) -> None:
    (checkout / ".env").write_text("ALPHA_VANTAGE_API_KEY=the-contributors-own\n")
    assert load_settings({}, root=checkout).keys == {"ALPHA_VANTAGE_API_KEY": "the-contributors-own"}
    assert load_settings({"MARKETPULSE_ENV_FILE": "/dev/null"}, root=checkout).keys == {}


def test_empty_variable_counts_as_not_set(checkout: Path) -> None:
    (checkout / ".env").write_text("ALPHA_VANTAGE_API_KEY=from-file\nPOSTGRES_PORT=\n")
    settings = load_settings({"ALPHA_VANTAGE_API_KEY": " "}, root=checkout)
    assert settings.ports.postgres == DEFAULT_PORTS["POSTGRES_PORT"]
    assert settings.keys == {"ALPHA_VANTAGE_API_KEY": "from-file"}
    assert not settings.uses_simulator


def test_state_lives_in_the_checkout_unless_told_otherwise(checkout: Path) -> None:
    assert load_settings({}, root=checkout).home == checkout / ".run"
    assert load_settings({"MARKETPULSE_HOME": ".run2"}, root=checkout).home == checkout / ".run2"
    assert load_settings({"MARKETPULSE_HOME": "/srv/state"}, root=checkout).home == Path("/srv/state")


@pytest.mark.parametrize("port", ["0", "65536", "-1", "http"])
def test_port_that_is_none_is_refused_by_name(checkout: Path, port: str) -> None:
    with pytest.raises(InvalidSettingError, match="AIRFLOW_PORT"):
        load_settings({"AIRFLOW_PORT": port}, root=checkout)


def test_two_services_on_one_port_are_refused_by_name(checkout: Path) -> None:
    with pytest.raises(InvalidSettingError, match=r"SIMULATOR_PORT and AIRFLOW_PORT are both 8080"):
        load_settings({"SIMULATOR_PORT": "8080"}, root=checkout)


def test_replay_polls_always_and_asks_for_its_symbol(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("time,open,high,low,close,volume\n")
    environ = {"SIM_REPLAY_FILE": "bars.csv", "SIM_REPLAY_SYMBOL": "MSFT"}
    settings = load_settings(environ, root=checkout, invoked_from=tmp_path)
    assert settings.sources == {"ALPHA_VANTAGE_POLL": "always", "ALPHA_VANTAGE_SYMBOLS": "MSFT"}
    assert settings.simulator["SIM_REPLAY_FILE"] == str(tmp_path / "bars.csv")
    explicit = {**environ, "ALPHA_VANTAGE_POLL": "session", "ALPHA_VANTAGE_SYMBOLS": "IBM"}
    settings = load_settings(explicit, root=checkout, invoked_from=tmp_path)
    assert settings.sources == {"ALPHA_VANTAGE_POLL": "session", "ALPHA_VANTAGE_SYMBOLS": "IBM"}


def test_variables_of_every_source_are_settings_and_others_are_not(checkout: Path) -> None:
    (checkout / ".env").write_text("COINBASE_ENABLED=true\nCOINBASE_API_SECRET=other\nNASDAQ_ENABLED=true\n")
    (checkout / SOURCES_FILE).write_text("sources: {coinbase: {}, my_vendor: {}}")
    environ = {"MY_VENDOR_API_KEY": "mine", "MY_VENDOR_SYMBOLS": "IBM,MSFT", "MY_VENDOR_HOME": "/", "COINBASE_POLL": ""}
    settings = load_settings(environ, root=checkout)
    assert settings.sources == {"COINBASE_ENABLED": "true", "MY_VENDOR_SYMBOLS": "IBM,MSFT"}
    assert settings.keys == {"MY_VENDOR_API_KEY": "mine"}
    assert settings.uses_simulator


def test_overrides_are_those_that_the_pipeline_knows() -> None:
    assert {f"_{ending}" for ending in OVERRIDES} == set(SOURCE_ENDINGS)


def test_dags_are_all_unless_chosen_and_those_of_bars_are_among_them() -> None:
    assert {"load_news", *BAR_DAGS} < set(load_settings({"MARKETPULSE_ENV_FILE": "/dev/null"}).dags)
    chosen = load_settings({"MARKETPULSE_DAGS": "load_news, load_bars"})
    assert chosen.dags == ("ingest_bars", "load_bars", "load_news")
    with pytest.raises(InvalidSettingError, match="no DAG load_new") as caught:
        load_settings({"MARKETPULSE_DAGS": "load_new"})
    assert "load_news" in caught.value.fix


@pytest.mark.parametrize("content", [None, "sources: [}", "sources:", "[]"])
def test_sources_that_cannot_be_read_are_named_with_the_fix(checkout: Path, content: str | None) -> None:
    file = checkout / SOURCES_FILE
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(InvalidSettingError, match=r"config/sources\.yml") as caught:
        load_settings({}, root=checkout)
    assert "git checkout config/sources.yml" in caught.value.fix


def test_missing_replay_file_is_named_with_the_place_that_was_looked_at(checkout: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingError, match=str(tmp_path / "nothing.csv")):
        load_settings({"SIM_REPLAY_FILE": "nothing.csv"}, root=checkout, invoked_from=tmp_path)


def test_example_file_documents_every_port_with_its_default() -> None:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    documented = {line.lstrip("#") for line in lines if "_PORT=" in line}
    assert documented == {f"{name}={port}" for name, port in DEFAULT_PORTS.items()}


def test_example_file_documents_every_channel_of_alerts() -> None:
    text = (REPOSITORY / ".env.example").read_text()
    assert [name for name in ALERTING if f"\n#{name}=" not in text] == []
