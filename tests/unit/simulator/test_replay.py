from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from simulator.replay import ReplayFileError, read_bars

MakeDesk = Callable[..., Any]
FindFile = Callable[[str], Path]
NEW_YORK = ZoneInfo("America/New_York")
SHARES = """time,open,high,low,close,volume
2020-12-18 16:01:00,218.7,218.79,218.70,218.75,1102
2020-12-18 15:59:00,218.63,218.7500,218.63,218.75,14910
2020-12-18 09:30:00,211.35,211.5,211.35,211.50,2250
"""
COINS = """symbol,ts_utc,open,high,low,close,volume
BTCEUR,2018-04-04T00:01:00Z,6049.68,6049.69,6045.03,6045.03,0.96095125
BTCEUR,2018-04-04T00:00:00Z,6060,6060,6048.83,6049.68,6.72374365
XYZ,2018-04-04 14:00:00,1,1,1,1,0
"""


@pytest.fixture
def shares(tmp_path: Path) -> Path:
    path = tmp_path / "shares.csv"
    path.write_text(SHARES)
    return path


def test_bars_are_served_unchanged(desk_at: MakeDesk, shares: Path) -> None:
    desk = desk_at("2020-12-19T01:05:00Z", replay_file=shares, replay_symbol="MSFT")
    answer = desk.ask("TIME_SERIES_INTRADAY", symbol="MSFT", interval="1min", datatype="csv")
    assert answer.text.replace("\r\n", "\n").partition("\n")[2] == SHARES.partition("\n")[2]


def test_the_clock_decides_what_is_over(desk_at: MakeDesk, shares: Path) -> None:
    desk = desk_at("2020-12-18T20:59:30Z", replay_file=shares, replay_symbol="MSFT", clock_speed=60.0)
    assert list(desk.bars("MSFT")) == ["2020-12-18 09:30:00"]
    desk.seconds = 0.5
    assert next(iter(desk.bars("MSFT"))) == "2020-12-18 15:59:00"


@pytest.mark.parametrize("packed", [False, True])
def test_a_file_with_symbols_and_utc_times(desk_at: MakeDesk, tmp_path: Path, packed: bool) -> None:
    path = tmp_path / ("coins.csv.gz" if packed else "coins.csv")
    path.write_bytes(gzip.compress(COINS.encode()) if packed else COINS.encode())
    desk = desk_at("2018-04-05T00:00:00Z", replay_file=path)
    series = desk.ask("CRYPTO_INTRADAY", symbol="BTC", market="EUR", interval="1min").json()
    assert list(series["Time Series Crypto (1min)"].items())[1] == (
        "2018-04-04 00:00:00",
        {"1. open": "6060", "2. high": "6060", "3. low": "6048.83", "4. close": "6049.68", "5. volume": "6.72374365"},
    )
    assert list(desk.bars("XYZ")) == ["2018-04-04 10:00:00"]


def test_a_symbol_that_is_not_in_the_file_is_unknown(desk_at: MakeDesk, shares: Path) -> None:
    desk = desk_at("2020-12-19T01:05:00Z", replay_file=shares, replay_symbol="MSFT")
    assert list(desk.ask("TIME_SERIES_INTRADAY", symbol="IBM", interval="1min").json()) == ["Error Message"]
    assert desk.send("GET", "/health").json()["symbols"] == ["MSFT"]
    assert desk.send("GET", "/health").json()["mode"] == "replay"


def test_the_day_is_made_of_its_regular_minutes(desk_at: MakeDesk, shares: Path) -> None:
    desk = desk_at("2020-12-19T01:05:00Z", replay_file=shares, replay_symbol="MSFT")
    quote = desk.ask("GLOBAL_QUOTE", symbol="MSFT").json()["Global Quote"]
    assert list(quote.values())[:7] == [
        *("MSFT", "211.3500", "218.7500", "211.3500", "218.7500"),
        *("17160", "2020-12-18"),
    ]


def test_the_real_month_of_msft(desk_at: MakeDesk, shared_bars: FindFile) -> None:
    path = shared_bars("msft_1min_2020.csv")
    desk = desk_at("2020-12-19T01:05:00Z", replay_file=path, replay_symbol="MSFT")
    answer = desk.ask("TIME_SERIES_INTRADAY", symbol="MSFT", interval="1min", outputsize="full", datatype="csv")
    _, *rows = csv.reader(io.StringIO(answer.text))
    _, *expected = csv.reader(io.StringIO(path.read_text(), newline=""))
    assert len(rows) == 11_190
    assert rows == expected


def test_the_real_coins(shared_bars: FindFile) -> None:
    path = shared_bars("coinbase_1min.csv.gz")
    bars = read_bars(path, None, NEW_YORK)
    with gzip.open(path, "rt", newline="") as file:
        _, *expected = csv.reader(file)
    assert sum(len(part) for part in bars.values()) == len(expected) == 25_302
    assert sorted(bar[1:] for part in bars.values() for bar in part) == sorted(tuple(row[2:]) for row in expected)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("2020-12-18 10:00:00,1,2,1,1", "5 fields where the header has 6"),
        ("2020-12-18 10:00:00,1,2,1,one,5", "close 'one' is not a plain decimal"),
        ("2020-12-18 10:00:00,1,2,1,NaN,5", "close 'NaN' is not a plain decimal"),
        ("2020-12-18 10:00:00,1,2,1,1e3,5", "close '1e3' is not a plain decimal"),
        ("2020-12-18 10:00:00,1,2,1,1.000000001,5", "at most 8 places"),
        ("2020-12-18 10:00:00,1,2,1,1,-5", "volume '-5' is not a plain decimal"),
        ("2020-12-18 10:00:00,3,2,1,1,5", "high 2 is below another price"),
        ("2020-12-18 10:00:00,2,2,1.5,1,5", "low 1.5 is above another price"),
        ("2020-12-18 10:00:00,0,2,0,1,5", "low 0 is not above zero"),
        ("2020-12-18 10:00:30,1,2,1,1,5", "is not a whole minute"),
        ("18.12.2020 10:00,1,2,1,1,5", "is not a time such as"),
        ("2020-03-08 02:30:00,1,2,1,1,5", "does not exist in America/New_York"),
        ("2020-12-18 09:30:00,1,2,1,1,5", "a second bar of MSFT for the same minute"),
    ],
)
def test_a_bad_line_is_named_with_its_reason(shares: Path, line: str, reason: str) -> None:
    shares.write_text(SHARES + line + "\n")
    with pytest.raises(ReplayFileError) as caught:
        read_bars(shares, "MSFT", NEW_YORK)
    assert "line 5: " in str(caught.value)
    assert reason in str(caught.value)


def test_many_bad_lines_are_counted(shares: Path) -> None:
    shares.write_text(SHARES + "x,1,1,1,1,1\n" * 14)
    with pytest.raises(ReplayFileError, match=r"14 bad lines") as caught:
        read_bars(shares, "MSFT", NEW_YORK)
    assert str(caught.value).count("\n  line ") == 10
    assert str(caught.value).endswith("and 4 more")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "lacks the columns"),
        ("time,open,high,low,close\n", "lacks the columns volume"),
        ("open,high,low,close,volume\n", "ts_utc, time or timestamp"),
        ("time,open,high,low,close,volume\n", "has no bars"),
    ],
)
def test_a_file_of_another_form(shares: Path, content: str, reason: str) -> None:
    shares.write_text(content)
    with pytest.raises(ReplayFileError, match=reason):
        read_bars(shares, "MSFT", NEW_YORK)


def test_a_file_without_symbols_needs_one(shares: Path) -> None:
    with pytest.raises(ReplayFileError, match="SIM_REPLAY_SYMBOL"):
        read_bars(shares, None, NEW_YORK)


def test_a_missing_file(desk_at: MakeDesk, tmp_path: Path) -> None:
    with pytest.raises(ReplayFileError, match="Cannot read the replay file"):
        desk_at(replay_file=tmp_path / "absent.csv", replay_symbol="MSFT")


def test_times_in_another_zone(shares: Path) -> None:
    here = read_bars(shares, "MSFT", NEW_YORK)["MSFT"][0]
    there = read_bars(shares, "MSFT", ZoneInfo("UTC"))["MSFT"][0]
    assert here.minute - there.minute == 5 * 60
    assert Decimal(here.close) == Decimal(there.close)
