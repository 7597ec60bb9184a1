from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MakeDesk = Callable[..., Any]


def status_of(desk: Any) -> dict[str, str]:
    markets = desk.ask("MARKET_STATUS").json()["markets"]
    return {f"{market['market_type']} {market['region']}": market["current_status"] for market in markets}


@pytest.mark.parametrize(
    ("moment", "status"),
    [
        ("2026-05-15T13:29:59Z", "closed"),
        ("2026-05-15T13:30:00Z", "open"),
        ("2026-05-15T20:14:59Z", "open"),
        ("2026-05-15T20:15:00Z", "closed"),
        ("2026-05-16T15:00:00Z", "closed"),
        ("2026-12-25T15:00:00Z", "closed"),
        ("2026-11-27T18:00:00Z", "open"),
        ("2026-11-27T18:15:00Z", "closed"),
    ],
)
def test_new_york_is_open_in_its_sessions(desk_at: MakeDesk, moment: str, status: str) -> None:
    assert status_of(desk_at(moment))["Equity United States"] == status


def test_the_rest_of_the_world(desk_at: MakeDesk) -> None:
    tokyo_morning = status_of(desk_at("2026-05-15T01:00:00Z"))
    assert tokyo_morning["Equity Japan"] == "open"
    assert tokyo_morning["Equity United Kingdom"] == "closed"
    assert status_of(desk_at("2026-05-15T03:00:00Z"))["Equity Japan"] == "closed"
    weekend = status_of(desk_at("2026-05-16T12:00:00Z"))
    assert {name for name, status in weekend.items() if status == "open"} == {"Cryptocurrency Global"}
    assert status_of(desk_at("2026-05-17T21:00:00Z"))["Forex Global"] == "open"


def test_dividends_appear_when_they_are_declared(desk_at: MakeDesk) -> None:
    known = desk_at("2026-09-15T00:00:00Z").ask("DIVIDENDS", symbol="IBM").json()["data"]
    newest = known[0]
    earlier = desk_at(f"{newest['declaration_date']}T03:00:00Z").ask("DIVIDENDS", symbol="IBM").json()["data"]
    assert earlier == known[1:]
    dates = [row["ex_dividend_date"] for row in known]
    assert dates == sorted(dates, reverse=True)
    assert all(row["declaration_date"] < row["ex_dividend_date"] < row["payment_date"] for row in known)


def test_events_of_unknown_symbols_and_coins_are_none(desk: Any) -> None:
    assert desk.ask("SPLITS", symbol="NOPE").json() == {"symbol": "NOPE", "data": []}
    assert desk.ask("DIVIDENDS", symbol="BTCUSD").json() == {"symbol": "BTCUSD", "data": []}
    assert list(desk.ask("SPLITS").json()) == ["Error Message"]


def test_health_says_what_is_served(desk_at: MakeDesk) -> None:
    health = desk_at(seed=5, clock_speed=2.0).send("GET", "/health").json()
    assert {"AAPL", "BTCUSD"} < set(health.pop("symbols"))
    assert health == {
        "status": "ok",
        "mode": "synthetic",
        "clock": "2026-05-15T18:30:20+00:00",
        "clock_speed": 2.0,
        "seed": 5,
    }


def test_an_outage_of_three_hours_in_no_time(desk_at: MakeDesk) -> None:
    desk = desk_at()
    newest = next(iter(desk.bars("BTCUSD")))
    desk.send("POST", "/admin/faults", json={"kind": "outage", "minutes": 180})
    assert desk.ask("CRYPTO_INTRADAY", symbol="BTC", market="USD", interval="1min").status_code == 503
    answer = desk.send("POST", "/admin/clock/advance", json={"minutes": 180})
    assert answer.json() == {"clock": "2026-05-15T21:30:20+00:00"}
    later = desk.bars("BTCUSD", outputsize="full")
    assert list(later)[180] == newest
    assert desk.send("POST", "/admin/clock/advance", json={"minutes": -1}).status_code == 422
