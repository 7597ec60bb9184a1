"""Arguments and environment of the jobs."""

from __future__ import annotations

import datetime as dt
import pickle
from collections.abc import Callable, Sequence

import pytest
from marketpulse_spark.jobs import build_daily, load_news
from marketpulse_spark.jobs.load_bars import parse_args
from marketpulse_spark.settings import DatasetSettings, LoadSettings, NewsSettings, required

PARSERS = pytest.mark.parametrize("parse", [parse_args, load_news.parse_args], ids=["bars", "news"])


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARKETPULSE_WAREHOUSE_DSN", "postgresql://marketpulse_loader@127.0.0.1:1/marketpulse")
    monkeypatch.setenv("MARKETPULSE_KAFKA_BOOTSTRAP", "127.0.0.1:2")


def test_arguments_become_settings() -> None:
    settings = parse_args(["--run-id", "asset__1", "--max-messages-per-batch", "5", "--driver-messages", "0"])
    assert (settings.run_id, settings.max_messages_per_batch, settings.driver_messages) == ("asset__1", 5, 0)
    assert settings.kafka_bootstrap == "127.0.0.1:2"
    assert settings.topics == ("market.actions.v1", "market.bars.v1", "market.bars.backfill.v1")
    assert settings.with_indicators
    assert not parse_args(["--run-id", "x", "--without-indicators"]).with_indicators


def test_defaults_are_those_of_the_settings() -> None:
    settings = parse_args(["--run-id", "x"])
    assert settings.max_messages_per_batch == LoadSettings.max_messages_per_batch
    assert settings.driver_messages == LoadSettings.driver_messages


def test_arguments_become_settings_of_news() -> None:
    settings = load_news.parse_args(["--run-id", "asset__1", "--max-messages-per-batch", "5"])
    assert (settings.run_id, settings.max_messages_per_batch) == ("asset__1", 5)
    assert (settings.dataset, settings.topics) == ("news", ("market.news.v1",))
    assert load_news.parse_args(["--run-id", "x"]).max_messages_per_batch == NewsSettings.max_messages_per_batch


@PARSERS
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--run-id"],
        ["--run-id", "x", "--unknown"],
        # A batch of nothing would end as if all were loaded.
        ["--run-id", "x", "--max-messages-per-batch", "0"],
        ["--run-id", "x", "--max-messages-per-batch", "-5"],
        ["--run-id", "x", "--max-messages-per-batch", "many"],
    ],
)
def test_wrong_arguments_end_the_job(
    parse: Callable[[Sequence[str]], DatasetSettings], arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as raised:
        parse(arguments)
    assert raised.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_a_build_is_of_a_session_day() -> None:
    settings = build_daily.parse_args(["--run-id", "scheduled__1", "--session", "2026-05-15"])
    assert (settings.run_id, settings.session) == ("scheduled__1", dt.date(2026, 5, 15))
    assert settings.dataset == "daily", "a lock of its own"
    again = build_daily.parse_args(["--run-id", "x", "--session", "2026-05-15"])
    assert settings.application_name != again.application_name


@pytest.mark.parametrize(
    "arguments", [["--run-id", "x"], ["--session", "2026-05-15"], ["--run-id", "x", "--session", "15 May"]]
)
def test_wrong_arguments_end_the_build(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        build_daily.parse_args(arguments)
    assert raised.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["MARKETPULSE_WAREHOUSE_DSN", "MARKETPULSE_KAFKA_BOOTSTRAP"])
def test_missing_variable_is_named_with_who_sets_it(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SystemExit, match=f"{name} is not set: run this through `make up`"):
        parse_args(["--run-id", "x"])
    assert required({name: "there"}, name) == "there"


def test_tasks_bear_the_name_of_their_loader(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task gets the settings by pickle, in a process that shares no variable with the driver's."""
    settings = parse_args(["--run-id", "x"])
    name = settings.application_name
    sent = pickle.dumps(settings)
    monkeypatch.setattr("os.getpid", lambda: 1)
    assert pickle.loads(sent).application_name == name  # noqa: S301 - our own bytes
    assert name != parse_args(["--run-id", "y"]).application_name
