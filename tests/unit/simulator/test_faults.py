from __future__ import annotations

import json
import time
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

MakeDesk = Callable[..., Any]


def quote(desk: Any, symbol: str = "IBM") -> Any:
    return desk.ask("GLOBAL_QUOTE", symbol=symbol)


def clear(desk: Any) -> None:
    assert desk.send("DELETE", "/admin/faults").status_code == 200


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_http_error(desk: Any, status: int) -> None:
    desk.order("http_status", status=status, retry_after=7)
    answer = quote(desk)
    assert answer.status_code == status
    assert answer.headers["retry-after"] == "7"


def test_a_hang_ends_by_itself(desk: Any) -> None:
    desk.order("hang", seconds=0.4)
    began = time.perf_counter()
    assert "Global Quote" in quote(desk).json()
    assert time.perf_counter() - began > 0.35


def test_html(desk: Any) -> None:
    desk.order("html")
    answer = quote(desk)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!DOCTYPE html>")


def test_json_that_is_cut_off(desk: Any) -> None:
    whole = quote(desk).text
    desk.order("cut_off", keep=0.5)
    cut = quote(desk).text
    assert whole.startswith(cut)
    assert len(cut) == len(whole) // 2
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut)


@pytest.mark.parametrize(
    ("message", "key", "text"),
    [
        ("burst", "Information", "1 request per second"),
        ("daily_budget", "Information", "API key as a-key"),
        ("note", "Note", "5 calls per minute"),
        ("premium_only", "Information", "premium endpoint"),
        ("bad_key", "Error Message", "apikey is invalid"),
        ("bad_symbol", "Error Message", "for GLOBAL_QUOTE."),
    ],
)
def test_the_vendors_refusals_on_demand(desk: Any, message: str, key: str, text: str) -> None:
    desk.order("message", message=message)
    content = quote(desk).json()
    assert list(content) == [key]
    assert text in content[key]


def test_the_artificial_sample_on_demand(desk: Any) -> None:
    desk.order("message", message="sample")
    assert {"message", "data"} < quote(desk).json().keys()


def test_an_outage_lasts_its_minutes_on_the_simulators_clock(desk_at: MakeDesk) -> None:
    desk = desk_at(clock_speed=60.0)
    desk.order("outage", minutes=3)
    desk.seconds = 2.9
    assert quote(desk).status_code == 503
    desk.seconds = 3.0
    assert quote(desk).status_code == 200
    assert desk.send("GET", "/admin/faults").json() == []


def test_doubled_bars(desk: Any) -> None:
    desk.order("doubled_bars", bars=3)
    answer = desk.ask("TIME_SERIES_INTRADAY", symbol="IBM", interval="1min")
    assert answer.text.count('"1. open"') == 103
    lines = desk.ask("TIME_SERIES_INTRADAY", symbol="IBM", interval="1min", datatype="csv").text.split("\r\n")
    assert lines[1] == lines[2]
    assert lines[5] == lines[6] != lines[7]
    assert len(lines) == 105


def test_a_correction_changes_one_bar_from_then_on(desk: Any) -> None:
    before = desk.bars("IBM")
    desk.order("correction", symbol="IBM", at="2026-05-15T18:20:00Z", price_factor="1.01", volume_factor="2")
    after = desk.bars("IBM")
    changed = [key for key in before if before[key] != after[key]]
    assert changed == ["2026-05-15 14:20:00"]
    old, new = before[changed[0]], after[changed[0]]
    assert Decimal(new["4. close"]) == (Decimal(old["4. close"]) * Decimal("1.01")).quantize(Decimal("0.0001"))
    assert int(new["5. volume"]) == 2 * int(old["5. volume"])
    desk.seconds = 3_600.0
    assert desk.bars("IBM", outputsize="full")[changed[0]] == new


def test_a_bad_tick_closes_the_newest_bar_until_it_is_put_right(desk: Any) -> None:
    before = desk.bars("BTCUSD")
    desk.order("bad_tick", symbol="BTCUSD", factor=10, remaining=1)
    newest, *others = desk.bars("BTCUSD").items()
    good = before[newest[0]]
    assert Decimal(newest[1]["4. close"]) == 10 * Decimal(good["4. close"]) == Decimal(newest[1]["2. high"])
    assert (newest[1]["1. open"], newest[1]["3. low"]) == (good["1. open"], good["3. low"])
    assert dict(others).items() <= before.items()
    assert desk.bars("BTCUSD") == before


def test_a_tick_far_too_low(desk: Any) -> None:
    desk.order("bad_tick", symbol="BTCUSD", factor="0.1")
    newest = next(iter(desk.bars("BTCUSD").values()))
    assert newest["3. low"] == newest["4. close"]
    assert Decimal(newest["4. close"]) < Decimal(newest["1. open"]) / 9


def test_a_halt_leaves_a_gap_for_good(desk: Any) -> None:
    desk.order("halt", symbol="BTCUSD", halt_minutes=5)
    desk.seconds = 1_200.0
    keys = [key[11:16] for key in desk.bars("BTCUSD")]
    assert {"18:29", "18:35"} < set(keys)
    assert not {"18:30", "18:31", "18:32", "18:33", "18:34"} & set(keys)
    assert len(keys) == 100


def test_a_split(desk_at: MakeDesk) -> None:
    desk = desk_at("2026-05-15T21:00:00Z")
    raw, adjusted = desk.bars("IBM", adjusted="false", outputsize="full"), desk.bars("IBM", outputsize="full")
    close = Decimal(quote(desk).json()["Global Quote"]["05. price"])
    desk.order("split", symbol="IBM", ratio=4, on="2026-05-15")
    raw_after = desk.bars("IBM", adjusted="false", outputsize="full")
    adjusted_after = desk.bars("IBM", outputsize="full")

    def price(series: dict[str, dict[str, str]], key: str) -> Decimal:
        return Decimal(series[key]["4. close"])

    before, after = "2026-05-14 15:59:00", "2026-05-15 15:59:00"
    assert price(raw_after, before) == price(raw, before)
    assert abs(price(raw_after, after) * 4 - price(raw, after)) < Decimal("0.001")
    assert abs(price(adjusted_after, before) * 4 - price(adjusted, before)) < Decimal("0.001")
    assert int(adjusted_after[before]["5. volume"]) == 4 * int(adjusted[before]["5. volume"])

    assert desk.ask("SPLITS", symbol="IBM").json()["data"][0] == {
        "effective_date": "2026-05-15",
        "split_factor": "4.0000",
    }
    days = desk.ask("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM").json()["Time Series (Daily)"]
    assert days["2026-05-15"]["8. split coefficient"] == "4.0"
    yesterday = days["2026-05-14"]
    assert float(yesterday["5. adjusted close"]) == pytest.approx(float(yesterday["4. close"]) / 4)
    assert abs(Decimal(quote(desk).json()["Global Quote"]["05. price"]) * 4 - close) < Decimal("0.001")


def test_a_split_on_a_weekend_counts_from_the_next_session(desk_at: MakeDesk) -> None:
    desk = desk_at("2026-05-16T12:00:00Z")
    desk.order("split", symbol="IBM", ratio=2)
    friday = desk.ask("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM").json()["Time Series (Daily)"]["2026-05-15"]
    assert float(friday["5. adjusted close"]) == float(friday["4. close"]) / 2
    desk.seconds = 3 * 86_400.0
    days = desk.ask("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM").json()["Time Series (Daily)"]
    assert days["2026-05-18"]["8. split coefficient"] == "2.0"
    assert days["2026-05-15"] == friday


def test_a_fault_of_a_symbol_leaves_the_others_alone(desk: Any) -> None:
    desk.order("http_status", status=500, symbol="BTCUSD")
    assert quote(desk).status_code == 200
    assert desk.ask("CRYPTO_INTRADAY", symbol="ETH", market="USD", interval="1min").status_code == 200
    assert desk.ask("CRYPTO_INTRADAY", symbol="BTC", market="USD", interval="1min").status_code == 500


def test_a_fault_hits_as_often_as_it_may(desk: Any) -> None:
    desk.order("http_status", status=503, remaining=2)
    assert [quote(desk).status_code for _ in range(3)] == [503, 503, 200]


def test_a_fault_of_bars_counts_answers_with_bars_only(desk: Any) -> None:
    desk.order("doubled_bars", remaining=1)
    desk.ask("MARKET_STATUS")
    assert desk.send("GET", "/admin/faults").json()[0]["left"] == 1
    desk.bars("IBM")
    assert desk.send("GET", "/admin/faults").json() == []


def test_faults_are_listed_and_cleared(desk: Any) -> None:
    first = desk.order("html", minutes=10)
    second = desk.order("halt", symbol="IBM", halt_minutes=3)
    assert first == {
        "id": 1,
        "since": "2026-05-15T18:30:20+00:00",
        "until": "2026-05-15T18:40:20+00:00",
        "hits": 0,
        "left": None,
        "kind": "html",
        "minutes": 10.0,
    }
    assert second["at"] == "2026-05-15T18:30:00Z"
    assert [fault["id"] for fault in desk.send("GET", "/admin/faults").json()] == [1, 2]
    assert desk.send("DELETE", "/admin/faults/1").json() == {"cleared": 1}
    assert quote(desk).status_code == 200
    assert desk.send("DELETE", "/admin/faults/1").status_code == 404
    assert desk.send("DELETE", "/admin/faults").json() == {"cleared": 1}
    clear(desk)


@pytest.mark.parametrize(
    ("fault", "place"),
    [
        ({}, ["body"]),
        ({"kind": "earthquake"}, ["body"]),
        ({"kind": "http_status", "status": 404}, ["body", "http_status", "status"]),
        ({"kind": "http_status"}, ["body", "http_status", "status"]),
        ({"kind": "html", "remaining": 0}, ["body", "html", "remaining"]),
        ({"kind": "html", "minutes": -1}, ["body", "html", "minutes"]),
        ({"kind": "html", "symbl": "IBM"}, ["body", "html", "symbl"]),
        ({"kind": "html", "symbol": "NOPE"}, ["body", "symbol"]),
        ({"kind": "outage"}, ["body", "outage", "minutes"]),
        ({"kind": "correction"}, ["body", "correction", "symbol"]),
        ({"kind": "bad_tick", "symbol": "IBM", "at": "2026-05-15T18:20:00"}, ["body", "bad_tick", "at"]),
        ({"kind": "split", "symbol": "BTCUSD", "ratio": 2}, ["body", "symbol"]),
        ({"kind": "split", "symbol": "IBM", "ratio": 2, "on": "2026-05-16"}, ["body", "on"]),
        ({"kind": "split", "symbol": "IBM", "ratio": 0}, ["body", "split", "ratio"]),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(desk: Any, fault: dict[str, Any], place: list[str]) -> None:
    answer = desk.send("POST", "/admin/faults", json=fault)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == place
    assert desk.send("GET", "/admin/faults").json() == []
