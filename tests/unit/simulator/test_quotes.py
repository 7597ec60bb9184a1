from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

MakeDesk = Callable[..., Any]


def of_minutes(desk: Any, symbol: str, day: str) -> dict[str, Decimal]:
    """Returns the day's figures from its regular minutes."""
    series = desk.bars(symbol, outputsize="full", extended_hours="false", adjusted="false", month=day[:7])
    bars = [series[key] for key in sorted(series) if key.startswith(day)]
    return {
        "open": Decimal(bars[0]["1. open"]),
        "high": max(Decimal(bar["2. high"]) for bar in bars),
        "low": min(Decimal(bar["3. low"]) for bar in bars),
        "close": Decimal(bars[-1]["4. close"]),
        "volume": sum((Decimal(bar["5. volume"]) for bar in bars), Decimal(0)),
    }


def of_day(row: dict[str, str]) -> dict[str, Decimal]:
    named = {key.partition(". ")[2]: value for key, value in row.items()}
    return {name: Decimal(named[name]) for name in ("open", "high", "low", "close", "volume")}


@pytest.mark.parametrize("function", ["TIME_SERIES_DAILY", "TIME_SERIES_DAILY_ADJUSTED"])
@pytest.mark.parametrize("symbol", ["IBM", "NVDA"])
def test_a_day_is_the_sum_of_its_minutes(desk: Any, function: str, symbol: str) -> None:
    days = desk.ask(function, symbol=symbol).json()["Time Series (Daily)"]
    for day in ("2026-05-14", "2026-04-02", "2026-03-09"):
        assert of_day(days[day]) == of_minutes(desk, symbol, day)


def test_a_day_before_a_split_is_printed_as_it_was_traded(desk_at: MakeDesk) -> None:
    desk = desk_at()
    events = desk.ask("SPLITS", symbol="IBM").json()["data"]
    split = dt.date.fromisoformat(events[0]["effective_date"])
    desk = desk_at(f"{split + dt.timedelta(days=8)}T00:00:00Z")
    rows = desk.ask("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM").json()["Time Series (Daily)"]
    assert float(rows[split.isoformat()]["8. split coefficient"]) == float(events[0]["split_factor"])
    before = max(day for day in rows if day < split.isoformat())
    assert of_day(rows[before]) == of_minutes(desk, "IBM", before)
    ratio = float(rows[before]["4. close"]) / float(rows[before]["5. adjusted close"])
    assert ratio == pytest.approx(float(events[0]["split_factor"]), rel=0.02)


def test_only_sessions_that_are_over_are_daily_bars(desk_at: MakeDesk) -> None:
    desk = desk_at("2026-05-15T19:59:59Z")
    assert next(iter(desk.ask("TIME_SERIES_DAILY", symbol="IBM").json()["Time Series (Daily)"])) == "2026-05-14"
    desk.seconds = 1.0
    content = desk.ask("TIME_SERIES_DAILY", symbol="IBM").json()
    assert content["Meta Data"]["3. Last Refreshed"] == "2026-05-15"
    days = list(content["Time Series (Daily)"])
    assert len(days) == 100
    assert days == sorted(days, reverse=True)
    assert all(dt.date.fromisoformat(day).weekday() < 5 for day in days)


def test_dividends_lower_the_adjusted_closes_before_them(desk_at: MakeDesk) -> None:
    rows = desk_at("2026-09-15T00:00:00Z").ask("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM").json()["Time Series (Daily)"]
    paid = [day for day, row in rows.items() if row["7. dividend amount"] != "0.0000"]
    assert paid
    for (later, after), (_, before) in pairwise(rows.items()):
        step = (float(before["5. adjusted close"]) / float(before["4. close"])) / (
            float(after["5. adjusted close"]) / float(after["4. close"])
        )
        expected = 1 - float(rows[later]["7. dividend amount"]) / float(before["4. close"])
        assert step == pytest.approx(expected, rel=1e-9)


def test_full_reaches_back_for_decades(desk_at: MakeDesk) -> None:
    days = desk_at("2004-01-10T00:00:00Z").ask("TIME_SERIES_DAILY", symbol="JPM", outputsize="full").json()
    assert min(days["Time Series (Daily)"]) == "1999-11-01"
    assert len(days["Time Series (Daily)"]) > 1_000


def test_a_quote_is_the_running_session(desk: Any) -> None:
    quote = desk.ask("GLOBAL_QUOTE", symbol="IBM").json()["Global Quote"]
    minutes = of_minutes(desk, "IBM", "2026-05-15")
    assert quote["07. latest trading day"] == "2026-05-15"
    names = {"02. open": "open", "03. high": "high", "04. low": "low", "05. price": "close", "06. volume": "volume"}
    assert {name: Decimal(quote[key]) for key, name in names.items()} == minutes
    days = desk.ask("TIME_SERIES_DAILY", symbol="IBM").json()["Time Series (Daily)"]
    assert quote["08. previous close"] == days["2026-05-14"]["4. close"]
    change = minutes["close"] - Decimal(quote["08. previous close"])
    assert Decimal(quote["09. change"]) == change
    assert quote["10. change percent"] == f"{100 * change / Decimal(quote['08. previous close']):.4f}%"


def test_a_quote_before_the_bell_is_the_last_session(desk_at: MakeDesk) -> None:
    quote = desk_at("2026-05-18T12:00:00Z").ask("GLOBAL_QUOTE", symbol="IBM").json()["Global Quote"]
    assert quote["07. latest trading day"] == "2026-05-15"


def test_a_quote_of_an_unknown_symbol_is_empty_as_the_vendors(desk: Any) -> None:
    assert desk.ask("GLOBAL_QUOTE", symbol="NOPE").json() == {"Global Quote": {}}
    assert desk.ask("GLOBAL_QUOTE", symbol="NOPE", datatype="csv").text.startswith("symbol,open,")


@pytest.mark.parametrize("function", ["TIME_SERIES_DAILY", "TIME_SERIES_DAILY_ADJUSTED"])
def test_daily_bars_of_an_unknown_symbol_are_refused(desk: Any, function: str) -> None:
    assert list(desk.ask(function, symbol="NOPE").json()) == ["Error Message"]
