from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

MakeDesk = Callable[..., Any]


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def test_the_layout_of_an_equity_answer(desk: Any) -> None:
    answer = desk.ask("TIME_SERIES_INTRADAY", symbol="ibm", interval="1min")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text.startswith('{\n    "Meta Data": {\n        "1. Information"')
    content = answer.json()
    assert content["Meta Data"] == {
        "1. Information": "Intraday (1min) open, high, low, close prices and volume",
        "2. Symbol": "IBM",
        "3. Last Refreshed": "2026-05-15 14:29:00",
        "4. Interval": "1min",
        "5. Output Size": "Compact",
        "6. Time Zone": "US/Eastern",
    }
    series = content["Time Series (1min)"]
    assert len(series) == 100
    assert list(series) == sorted(series, reverse=True)
    assert list(series["2026-05-15 14:29:00"]) == ["1. open", "2. high", "3. low", "4. close", "5. volume"]
    assert all(price[-5] == "." for bar in series.values() for price in list(bar.values())[:4])
    assert all(bar["5. volume"].isdigit() for bar in series.values())


def test_the_layout_of_a_crypto_answer(desk: Any) -> None:
    content = desk.ask("CRYPTO_INTRADAY", symbol="BTC", market="USD", interval="5min").json()
    assert content["Meta Data"] == {
        "1. Information": "Crypto Intraday (5min) Time Series",
        "2. Digital Currency Code": "BTC",
        "3. Digital Currency Name": "Bitcoin",
        "4. Market Code": "USD",
        "5. Market Name": "United States Dollar",
        "6. Last Refreshed": "2026-05-15 18:25:00",
        "7. Interval": "5min",
        "8. Output Size": "Compact",
        "9. Time Zone": "UTC",
    }
    series = content["Time Series Crypto (5min)"]
    assert len(series) == 100
    assert all("." in bar["5. volume"] for bar in series.values())


def test_a_bar_is_offered_once_its_minute_is_over(desk: Any) -> None:
    desk.seconds = 39.9
    assert next(iter(desk.bars("BTCUSD"))) == "2026-05-15 18:29:00"
    desk.seconds = 40.0
    assert next(iter(desk.bars("BTCUSD"))) == "2026-05-15 18:30:00"


def test_a_bar_once_offered_stays_as_it_is(desk: Any) -> None:
    before = desk.bars("IBM")
    desk.seconds = 600.0
    after = desk.bars("IBM")
    shared = before.keys() & after.keys()
    assert len(shared) == 90
    assert all(before[key] == after[key] for key in shared)


def test_the_clock_runs_at_its_own_speed(desk_at: MakeDesk) -> None:
    desk = desk_at("2026-05-15T18:30:00Z", clock_speed=60.0)
    desk.seconds = 60.0
    assert next(iter(desk.bars("BTCUSD"))) == "2026-05-15 19:29:00"


def test_csv_is_the_same_bars(desk: Any) -> None:
    answer = desk.ask("TIME_SERIES_INTRADAY", symbol="IBM", interval="15min", datatype="csv")
    assert answer.headers["content-type"] == "application/x-download"
    assert answer.text.endswith("\r\n")
    header, *rows = rows_of(answer.text)
    assert header == ["timestamp", "open", "high", "low", "close", "volume"]
    assert {row[0]: row[1:] for row in rows} == {
        key: list(bar.values()) for key, bar in desk.bars("IBM", interval="15min").items()
    }


@pytest.mark.parametrize(("symbol", "count"), [("BTCUSD", 43_200), ("NVDA", None)])
def test_full_is_the_last_thirty_days(desk: Any, symbol: str, count: int | None) -> None:
    began = time.perf_counter()
    series = desk.bars(symbol, outputsize="full")
    # Measured 0.4 s, parsing included; the bound leaves room for a busy machine.
    assert time.perf_counter() - began < 3.0
    assert count is None or len(series) == count
    assert min(series).startswith("2026-04-15" if symbol == "BTCUSD" else "2026-04-1")
    assert max(series).startswith("2026-05-15")


def test_a_month_is_that_month_in_new_york(desk: Any) -> None:
    series = desk.bars("NVDA", outputsize="full", month="2026-03")
    assert min(series).startswith("2026-03-02 04:")
    assert max(series).startswith("2026-03-31 19:")
    assert len({key[:10] for key in series}) == 22
    assert list(desk.bars("NVDA", month="2026-03")) == list(series)[:100]


def test_the_running_month_ends_now(desk: Any) -> None:
    series = desk.bars("BTCUSD", outputsize="full", month="2026-05")
    assert (min(series), max(series)) == ("2026-05-01 00:00:00", "2026-05-15 18:29:00")


@pytest.mark.parametrize("interval", [5, 15, 30, 60])
@pytest.mark.parametrize("symbol", ["IBM", "ETHUSD"])
def test_longer_bars_are_made_of_minutes(desk: Any, symbol: str, interval: int) -> None:
    minutes = desk.bars(symbol, outputsize="full")
    for key, bar in list(desk.bars(symbol, interval=f"{interval}min").items())[:50]:
        start = int(key[11:13]) * 60 + int(key[14:16])
        members = [
            minutes[name]
            for offset in reversed(range(interval))
            if (name := f"{key[:11]}{(start + offset) // 60:02}:{(start + offset) % 60:02}:00") in minutes
        ]
        assert bar["1. open"] == members[-1]["1. open"]
        assert bar["4. close"] == members[0]["4. close"]
        assert Decimal(bar["2. high"]) == max(Decimal(member["2. high"]) for member in members)
        assert Decimal(bar["3. low"]) == min(Decimal(member["3. low"]) for member in members)
        assert Decimal(bar["5. volume"]) == sum(Decimal(member["5. volume"]) for member in members)


@pytest.mark.parametrize("interval", ["1min", "5min", "15min", "30min", "60min"])
def test_regular_hours_only(desk_at: MakeDesk, interval: str) -> None:
    desk = desk_at("2026-05-15T20:00:00Z")
    series = desk.bars("NVDA", interval=interval, extended_hours="false", outputsize="full")
    clocks = {key[11:16] for key in series}
    step = int(interval.removesuffix("min"))
    assert min(clocks) == "09:30"
    assert max(clocks) == {1: "15:59", 5: "15:55", 15: "15:45", 30: "15:30", 60: "15:30"}[step]
    # The last bar of the day is there with the close, the last hour's too, though it has only 30 minutes.
    assert next(iter(series)).startswith("2026-05-15")
    assert len(clocks) == -(-390 // step)


def test_compact_reaches_back_over_a_weekend(desk_at: MakeDesk) -> None:
    series = desk_at("2026-05-18T08:10:00Z").bars("IBM")
    days = [key[:10] for key in series]
    assert len(days) == 100
    assert set(days) == {"2026-05-18", "2026-05-15"}


def test_times_skip_and_repeat_nothing_when_clocks_change(desk_at: MakeDesk) -> None:
    series = desk_at("2026-11-03T00:00:00Z").bars("NVDA", outputsize="full", extended_hours="false")
    assert all("09:30:00" <= key[11:] <= "15:59:00" for key in series)
    assert {key[:10] for key in series} >= {"2026-10-30", "2026-11-02"}
    coins = list(desk_at("2026-11-01T12:00:00Z").bars("BTCUSD", outputsize="full"))
    assert all(later > earlier for later, earlier in pairwise(coins))


@pytest.mark.parametrize(
    "wrong",
    [
        {"symbol": "NOPE"},
        {"symbol": ""},
        {"symbol": "BTCUSD"},
        {"interval": "2min"},
        {"interval": ""},
        {"outputsize": "huge"},
        {"datatype": "xml"},
        {"month": "2026-13"},
        {"month": "2027-01"},
        {"month": "1998-01"},
        {"extended_hours": "maybe"},
        {"adjusted": "maybe"},
    ],
)
def test_a_wrong_parameter_is_refused(desk: Any, wrong: dict[str, str]) -> None:
    answer = desk.ask("TIME_SERIES_INTRADAY", **{"symbol": "IBM", "interval": "1min", **wrong})
    assert answer.status_code == 200
    assert answer.json() == {
        "Error Message": "Invalid API call. Please retry or visit the documentation "
        "(https://www.alphavantage.co/documentation/) for TIME_SERIES_INTRADAY."
    }


@pytest.mark.parametrize("wrong", [{"symbol": "IBM", "market": ""}, {"market": "XXX"}, {"market": ""}])
def test_a_wrong_pair_is_refused(desk: Any, wrong: dict[str, str]) -> None:
    answer = desk.ask("CRYPTO_INTRADAY", **{"symbol": "BTC", "market": "USD", "interval": "1min", **wrong})
    assert list(answer.json()) == ["Error Message"]
