from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

MakeDesk = Callable[..., Any]
# The desk's clock shows 2026-05-15T18:30:20Z.
CURRENT = dt.datetime(2026, 5, 15, 18, 30, tzinfo=dt.UTC)


def ask(desk: Any, product: str = "BTC-USD", **parameters: object) -> Any:
    return desk.send("GET", f"/products/{product}/candles", params={"granularity": 60, **parameters})


def window(minutes_ago: int, until: int) -> dict[str, str]:
    return {
        name: (CURRENT - dt.timedelta(minutes=ago)).isoformat().replace("+00:00", "Z")
        for name, ago in (("start", minutes_ago), ("end", until))
    }


def test_candles_are_the_markets_bars_newest_first_with_both_ends(desk: Any) -> None:
    body = ask(desk, **window(5, 2)).text
    rows = json.loads(body, parse_float=str, parse_int=str)
    bars = desk.bars("BTCUSD")

    assert [int(row[0]) for row in rows] == [int(CURRENT.timestamp()) - 60 * ago for ago in (2, 3, 4, 5)]
    for time, low, high, opening, closing, volume in rows:
        bar = bars[dt.datetime.fromtimestamp(int(time), dt.UTC).strftime("%Y-%m-%d %H:%M:%S")]
        printed = [bar["1. open"], bar["2. high"], bar["3. low"], bar["4. close"], bar["5. volume"]]
        assert [Decimal(value) for value in (opening, high, low, closing, volume)] == [Decimal(v) for v in printed]
        assert not any(value.endswith("0") and "." in value for value in (low, high, opening, closing, volume))


def test_without_a_window_the_newest_300_come_and_the_unfinished_one_is_among_them(desk: Any) -> None:
    for parameters in ({}, {"start": window(5, 2)["start"]}):
        rows = ask(desk, **parameters).json()
        assert len(rows) == 300
        assert rows[0][0] == CURRENT.timestamp()
    _, low, high, opening, closing, _ = rows[0]
    assert low == high == opening == closing
    desk.seconds = 60
    assert ask(desk, **window(0, 0)).json()[0][3] == opening


@pytest.mark.parametrize(("start", "candles"), [("2026-05-15T18:20:00Z", 6), ("2026-05-15T18:20:01Z", 5)])
def test_a_window_may_begin_within_a_minute(desk: Any, start: str, candles: int) -> None:
    assert len(ask(desk, start=start, end="2026-05-15T18:25:30Z").json()) == candles


def test_longer_candles(desk: Any) -> None:
    hour = ask(desk, granularity=3600, **window(90, 31)).json()
    minutes = ask(desk, start="2026-05-15T17:00:00Z", end="2026-05-15T17:59:00Z").json()

    assert [row[0] for row in hour] == [CURRENT.timestamp() - 90 * 60]
    assert hour[0][2] == max(row[2] for row in minutes)


@pytest.mark.parametrize(
    ("product", "parameters", "status", "message"),
    [
        ("BTC-XYZ", {}, 404, "NotFound"),
        ("IBM", {}, 404, "NotFound"),
        ("BTC-USD", {"granularity": 61}, 400, "Unsupported granularity"),
        ("BTC-USD", {"start": "yesterday", "end": "today"}, 400, "Invalid start"),
        ("BTC-USD", window(2, 5), 400, "end must be after start"),
        (
            "BTC-USD",
            window(301, 0),
            400,
            "granularity too small for the requested time range. Count of aggregations requested exceeds 300",
        ),
    ],
)
def test_refusals(desk: Any, product: str, parameters: dict[str, object], status: int, message: str) -> None:
    answer = ask(desk, product, **parameters)
    assert (answer.status_code, answer.json()) == (status, {"message": message})


def test_the_widest_window_is_answered(desk: Any) -> None:
    assert len(ask(desk, **window(300, 1)).json()) == 300


def test_a_user_agent_is_wanted(desk: Any) -> None:
    answer = desk.send("GET", "/products/BTC-USD/candles", headers={"User-Agent": ""})
    assert (answer.status_code, answer.json()) == (400, {"message": "User-Agent header is required."})


def test_an_address_that_is_too_fast_is_refused_and_keys_do_not_matter(desk_at: MakeDesk) -> None:
    desk = desk_at(rate_per_second=2, daily_budget=1, api_keys=frozenset({"one"}))
    answers = [ask(desk) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].json() == {"message": "Public rate limit exceeded"}


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"kind": "http_status", "status": 503}, 503, "503\n"),
        ({"kind": "html"}, 200, "<!DOCTYPE html>"),
        ({"kind": "message", "message": "burst"}, 429, '{"message": "Public rate limit exceeded"}'),
        ({"kind": "message", "message": "bad_symbol"}, 404, '{"message": "NotFound"}'),
        ({"kind": "cut_off"}, 200, "[["),
    ],
)
def test_faults(desk: Any, fault: dict[str, Any], status: int, text: str) -> None:
    whole = ask(desk, **window(9, 5)).text
    desk.order(**fault, symbol="BTCUSD", remaining=1)

    answer = ask(desk, **window(9, 5))

    assert answer.status_code == status
    assert answer.text.startswith(text)
    assert answer.text != whole
    assert ask(desk, "ETH-USD").status_code == 200
    assert ask(desk, **window(9, 5)).text == whole


def test_a_refusal_that_the_vendor_does_not_know_hits_nothing(desk: Any) -> None:
    desk.order(kind="message", message="daily_budget")
    assert ask(desk).status_code == 200
    assert desk.send("GET", "/admin/faults").json()[0]["hits"] == 0


def test_the_smallest_volumes_have_an_exponent(desk: Any) -> None:
    desk.order(kind="correction", symbol="BTCUSD", at=window(3, 3)["start"], volume_factor="0.0000001")

    assert re.search(r",\d(\.\d)?e-[78]\]\]$", ask(desk, **window(3, 3)).text)


def test_bars_go_wrong_here_as_elsewhere(desk: Any) -> None:
    before = ask(desk, **window(5, 2)).json()
    desk.order(kind="correction", symbol="BTCUSD", at=window(2, 2)["start"])
    desk.order(kind="halt", symbol="BTCUSD", at=window(4, 4)["start"], halt_minutes=1)
    desk.order(kind="doubled_bars", bars=1)

    after = ask(desk, **window(5, 2)).json()

    assert after[0] == after[1] != before[0]
    assert after[2:] == [before[1], before[3]]
