from __future__ import annotations

import datetime as dt
import logging
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from simulator.app import create_app
from simulator.clock import Clock
from simulator.instruments import InstrumentsFileError, load_instruments
from simulator.settings import Settings, SettingsError


def test_nothing_set_is_an_unlimited_synthetic_market_on_the_real_clock() -> None:
    assert Settings.from_environment({"SIM_SEED": "", "HOME": "/"}) == Settings()
    assert Settings().clock_start is None
    assert (Settings().rate_per_second, Settings().daily_budget, Settings().api_keys) == (0, 0, frozenset())


def test_every_variable_is_read() -> None:
    settings = Settings.from_environment(
        {
            "SIM_SEED": "7",
            "SIM_REPLAY_FILE": "bars.csv",
            "SIM_REPLAY_SYMBOL": "msft",
            "SIM_REPLAY_TZ": "UTC",
            "SIM_CLOCK_START": "2020-12-19T01:05:00Z",
            "SIM_CLOCK_SPEED": "60",
            "SIM_API_KEYS": "one, two",
            "SIM_RATE_PER_SECOND": "5",
            "SIM_DAILY_BUDGET": "25",
            "SIM_PREMIUM_FUNCTIONS": "GLOBAL_QUOTE",
            "SIM_PLANTED_ANOMALIES": "0.25",
        }
    )
    assert settings == Settings(
        seed=7,
        replay_file=Path("bars.csv"),
        replay_symbol="MSFT",
        replay_zone=ZoneInfo("UTC"),
        clock_start=dt.datetime(2020, 12, 19, 1, 5, tzinfo=dt.UTC),
        clock_speed=60.0,
        api_keys=frozenset({"one", "two"}),
        rate_per_second=5,
        daily_budget=25,
        premium_functions=frozenset({"GLOBAL_QUOTE"}),
        planted_anomalies=0.25,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SIM_SEED", "x"),
        ("SIM_SEED", "-1"),
        ("SIM_REPLAY_TZ", "Mars/Olympus"),
        ("SIM_CLOCK_START", "yesterday"),
        ("SIM_CLOCK_SPEED", "0"),
        ("SIM_CLOCK_SPEED", "nan"),
        ("SIM_CLOCK_SPEED", "fast"),
        ("SIM_RATE_PER_SECOND", "1.5"),
        ("SIM_DAILY_BUDGET", "-1"),
        ("SIM_PLANTED_ANOMALIES", "1.1"),
        ("SIM_PLANTED_ANOMALIES", "many"),
    ],
)
def test_a_value_that_cannot_be_used_is_named(name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{name}={value}: expected"):
        Settings.from_environment({name: value})


def test_a_clock_without_a_zone_is_utc() -> None:
    settings = Settings.from_environment({"SIM_CLOCK_START": "2020-12-19T01:05:00"})
    assert settings.clock_start == dt.datetime(2020, 12, 19, 1, 5, tzinfo=dt.UTC)


def test_the_clock_multiplies_real_seconds() -> None:
    seconds = [100.0]
    clock = Clock(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), 60.0, lambda: seconds[0])
    seconds[0] += 90.0
    assert clock.now() == dt.datetime(2026, 1, 1, 1, 30, tzinfo=dt.UTC)


def test_the_api_key_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    create_app(Settings())
    log = logging.getLogger("uvicorn.access")
    with caplog.at_level(logging.INFO, "uvicorn.access"):
        log.info('%s - "%s %s" %d', "127.0.0.1", "GET", "/query?function=X&apikey=CANARY&symbol=IBM", 200)
        log.info('%s - "%s %s" %d', "127.0.0.1", "GET", "/query?APIKEY=CANARY", 200)
    assert "CANARY" not in caplog.text
    assert "symbol=IBM" in caplog.text


@pytest.mark.parametrize("content", ["", "instruments: 5", "instruments: [{symbol: X}]", "a: ]"])
def test_a_broken_instruments_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "instruments.yml"
    path.write_text(content)
    with pytest.raises(InstrumentsFileError, match=r"instruments\.yml"):
        load_instruments(path)
