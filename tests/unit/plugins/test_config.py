from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from marketpulse.config import (
    ConfigError,
    Instrument,
    SourceSettings,
    load_instruments,
    load_reconciliation,
    load_sources,
)

REPOSITORY = Path(__file__).parents[3]
GOOD_INSTRUMENTS = """
instruments:
  - {symbol: MSFT, name: Microsoft, kind: equity, calendar: XNYS, currency: USD, tick: '0.01'}
  - {symbol: BTCUSD, name: Bitcoin, kind: crypto, calendar: 24/7, currency: USD, tick: '0.01'}
"""
GOOD_SOURCES = """
sources:
  alpha_vantage:
    adapter: alpha_vantage
    enabled: true
    base_url: https://vendor.example
    symbols: [MSFT]
"""


def write(root: Path, instruments: str = GOOD_INSTRUMENTS, sources: str = GOOD_SOURCES) -> Path:
    (root / "config").mkdir()
    (root / "config/instruments.yml").write_text(instruments)
    (root / "config/sources.yml").write_text(sources)
    return root


def test_the_configuration_of_the_repository_is_valid() -> None:
    instruments = load_instruments(REPOSITORY)
    sources = load_sources(instruments, REPOSITORY, environ={})

    assert instruments["BTCUSD"] == Instrument(
        symbol="BTCUSD",
        name="Bitcoin in US dollar",
        kind="crypto",
        calendar="24/7",
        currency="USD",
        tick=Decimal(1),
    )
    assert load_reconciliation(REPOSITORY).tolerance_ticks > 0
    assert [name for name, source in sources.items() if source.enabled] == ["alpha_vantage"]
    assert {"coinbase", "import"} < sources.keys()
    live = load_sources(instruments, REPOSITORY, environ={"COINBASE_ENABLED": "true"})["coinbase"]
    assert (live.enabled, live.api_key) == (True, None)


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    root = write(tmp_path)
    environ = {
        "ALPHA_VANTAGE_BASE_URL": "http://127.0.0.1:8090",
        "ALPHA_VANTAGE_API_KEY": "CANARY",
        "ALPHA_VANTAGE_POLL": "always",
        "ALPHA_VANTAGE_SYMBOLS": "BTCUSD, MSFT",
        "ALPHA_VANTAGE_ENABLED": "false",
    }

    source = load_sources(load_instruments(root), root, environ)["alpha_vantage"]

    assert source.base_url == "http://127.0.0.1:8090"
    assert source.poll == "always"
    assert source.symbols == ("BTCUSD", "MSFT")
    assert source.enabled is False
    assert source.api_key is not None
    assert source.api_key.get_secret_value() == "CANARY"
    assert "CANARY" not in repr(source) + str(source.model_dump())


def test_an_empty_override_counts_as_not_set(tmp_path: Path) -> None:
    root = write(tmp_path)
    environ = {"ALPHA_VANTAGE_BASE_URL": "", "ALPHA_VANTAGE_SYMBOLS": " ", "ALPHA_VANTAGE_API_KEY": ""}

    source = load_sources(load_instruments(root), root, environ)["alpha_vantage"]

    assert (source.base_url, source.symbols, source.api_key) == ("https://vendor.example", ("MSFT",), None)


@pytest.mark.parametrize(
    ("instruments", "message"),
    [
        ("instruments: [}", r"config/instruments\.yml: line 1: is not valid YAML.*Fix:"),
        ("instrument: []", r"config/instruments\.yml: instruments: is missing.*a list named instruments"),
        (GOOD_INSTRUMENTS.replace("equity", "bond"), r"instruments\[0\] \(MSFT\)\.kind: Input should be 'equity' or"),
        (GOOD_INSTRUMENTS.replace("currency: USD", "currencies: USD"), r"instruments\[0\].*currency"),
        (GOOD_INSTRUMENTS.replace("MSFT", "msft"), r"\(msft\)\.symbol: .*pattern.*Fix: give symbol a value"),
        (GOOD_INSTRUMENTS.replace("BTCUSD", "MSFT"), r"instruments\[1\]: MSFT is listed twice.*remove one"),
        (GOOD_INSTRUMENTS.replace("'0.01'", "0"), r"instruments\[0\] \(MSFT\)\.tick: .*greater than 0"),
        ("instruments: [MSFT]", r"instruments\[0\] \(None\): .*Fix: give it the keys symbol, name"),
    ],
)
def test_errors_in_instruments_name_file_key_and_fix(tmp_path: Path, instruments: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_instruments(write(tmp_path, instruments=instruments))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config/instruments\.yml: instruments: no such file"):
        load_instruments(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"poll": "sometimes"}, r"sources\.yml: sources\.alpha_vantage\.poll: .*'session', 'regular' or 'always'"),
        ({"symbols": ["TSLA"]}, r"unknown symbol TSLA.*add it to config/instruments\.yml"),
        ({"data": ["candles"]}, r"alpha_vantage\.data\.0: Input should be 'bars', 'actions'.*give data a value"),
        ({"polls": "always"}, r"alpha_vantage\.polls: Extra inputs.*remove the key or correct its name"),
        ({"base_url": "vendor.example"}, r"alpha_vantage\.base_url: .*pattern"),
        ({"base_url": None}, r"alpha_vantage\.base_url: is missing.*ALPHA_VANTAGE_BASE_URL"),
        ({"adapter": "import_only"}, r"alpha_vantage\.enabled: .*cannot be polled.*enabled: false"),
        ({"timeout_seconds": 90}, r"alpha_vantage\.timeout_seconds: .*less than or equal to 20"),
        ({"requests_per_second": 0}, r"alpha_vantage\.requests_per_second: .*greater than or equal to 1"),
        ({"requests_per_day": 0}, r"alpha_vantage\.requests_per_day: .*greater than or equal to 1"),
        ({"day_zone": "Mars/Base"}, r"alpha_vantage\.day_zone: .*is no time zone such as America/New_York"),
    ],
)
def test_errors_in_sources_name_file_key_and_fix(tmp_path: Path, change: dict[str, object], message: str) -> None:
    document = yaml.safe_load(GOOD_SOURCES)
    document["sources"]["alpha_vantage"].update(change)
    root = write(tmp_path, sources=yaml.safe_dump(document))

    with pytest.raises(ConfigError, match=message):
        load_sources(load_instruments(root), root, environ={})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"sources\.yml: reconciliation: is missing.*a mapping named reconciliation"),
        ("reconciliation: {tolerance_ticks: -1}", r"reconciliation\.tolerance_ticks: .*greater than or equal to 0"),
        ("reconciliation: {tolerance: 1}", r"reconciliation\.(tolerance_ticks|tolerance): "),
    ],
)
def test_errors_in_the_rule_of_comparison_name_file_key_and_fix(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_reconciliation(write(tmp_path, sources=f"{text}\n{GOOD_SOURCES}"))


@pytest.mark.parametrize(("per_day", "minutes"), [(None, 1), (100_000, 1), (2880, 1), (25, 115.2)])
def test_a_days_requests_say_how_far_apart_polls_are(per_day: int | None, minutes: float) -> None:
    values = {"name": "vendor", "adapter": "vendor", "requests_per_day": per_day, "symbols": ["MSFT", "IBM"]}

    assert SourceSettings.model_validate(values).minutes_between_polls == minutes


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("ALPHA_VANTAGE_POLL", "often", r"^ALPHA_VANTAGE_POLL: sources\.alpha_vantage\.poll"),
        ("ALPHA_VANTAGE_SYMBOLS", "MSFT,TSLA", r"^ALPHA_VANTAGE_SYMBOLS: .*unknown symbol TSLA"),
        ("ALPHA_VANTAGE_ENABLED", "perhaps", r"^ALPHA_VANTAGE_ENABLED: "),
    ],
)
def test_errors_in_overrides_name_the_variable(tmp_path: Path, variable: str, value: str, message: str) -> None:
    root = write(tmp_path)

    with pytest.raises(ConfigError, match=message):
        load_sources(load_instruments(root), root, environ={variable: value})
