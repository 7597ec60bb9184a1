from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

MakeDesk = Callable[..., Any]
# The desk's clock shows Friday 2026-05-15T18:30:20Z, 14:30:20 in New York.


def ask(desk: Any, headers: Any = None, **parameters: object) -> Any:
    key = {} if headers else {"apikey": "a-key"}
    question = {"symbol": "AAPL", "interval": "1min", **key, **parameters}
    return desk.send("GET", "/time_series", params=question, headers=headers or {})


def times(answer: Any) -> list[str]:
    assert answer.json()["status"] == "ok"
    return [row["datetime"] for row in answer.json()["values"]]


def test_rows_are_the_markets_bars_with_five_decimals(desk: Any) -> None:
    document = ask(desk, start_date="2026-05-15 14:20:00", end_date="2026-05-15 14:22:00", adjust="none").json()
    bars = desk.bars("AAPL", adjusted="false")

    assert document["meta"] == {
        "symbol": "AAPL",
        "interval": "1min",
        "currency": "USD",
        "exchange_timezone": "America/New_York",
        "exchange": "NYSE",
        "mic_code": "XNYS",
        "type": "Common Stock",
    }
    assert [row["datetime"][11:16] for row in document["values"]] == ["14:22", "14:21", "14:20"]
    for row in document["values"]:
        bar = bars[row["datetime"]]
        assert row["volume"] == bar["5. volume"]
        for name, printed in (("open", "1. open"), ("high", "2. high"), ("low", "3. low"), ("close", "4. close")):
            assert len(row[name].partition(".")[2]) == 5
            assert Decimal(row[name]) == Decimal(bar[printed])


def test_times_are_those_of_the_zone_asked_for_and_so_are_the_ends(desk: Any) -> None:
    window = {"start_date": "2026-05-15T18:00:00", "end_date": "2026-05-15 18:02:00", "order": "ASC"}
    assert times(ask(desk, timezone="UTC", **window)) == [f"2026-05-15 18:0{n}:00" for n in range(3)]
    assert times(
        ask(desk, timezone="Asia/Tokyo", start_date="2026-05-16 03:01:00", end_date="2026-05-16 03:01:30")
    ) == ["2026-05-16 03:01:00"]


def test_the_newest_30_rows_come_without_dates_and_the_unfinished_one_is_among_them(desk: Any) -> None:
    rows = ask(desk).json()["values"]
    assert (len(rows), rows[0]["datetime"]) == (30, "2026-05-15 14:30:00")
    assert rows[0]["open"] == rows[0]["high"] == rows[0]["low"] == rows[0]["close"]


def test_regular_hours_only_over_a_weekend(desk_at: MakeDesk) -> None:
    desk = desk_at("2026-05-18T14:00:00Z")
    rows = times(ask(desk, outputsize=5000, order="ASC", start_date="2026-05-14", end_date="2026-05-18"))
    assert (rows[0], rows[389], rows[390], rows[-1]) == (
        "2026-05-14 09:30:00",
        "2026-05-14 15:59:00",
        "2026-05-15 09:30:00",
        "2026-05-15 15:59:00",
    )
    assert times(ask(desk, outputsize=40))[-1] == "2026-05-15 15:51:00"


def test_longer_bars_and_the_newest_of_too_many(desk: Any) -> None:
    assert times(ask(desk, interval="30min", outputsize=3)) == [
        f"2026-05-15 {time}:00" for time in ("14:30", "14:00", "13:30")
    ]
    assert len(times(ask(desk, start_date="2026-01-01"))) == 5000


@pytest.mark.parametrize(
    ("parameters", "code", "words"),
    [
        ({"symbol": "NOPE"}, 404, "**symbol** or **figi** parameter is missing or invalid"),
        ({"symbol": "BTCUSD"}, 404, "**symbol** or **figi**"),
        ({"interval": "2min"}, 400, "Invalid **interval**"),
        ({"outputsize": 5001}, 400, "Invalid **outputsize**"),
        ({"timezone": "Nowhere"}, 400, "Invalid **timezone**"),
        ({"start_date": "yesterday"}, 400, "Invalid **start_date**"),
        (
            {"start_date": "2026-05-16", "end_date": "2026-05-17"},
            400,
            "No data is available on the specified dates. Try setting different start/end dates.",
        ),
        ({"start_date": "2026-05-15 14:31:00", "end_date": "2026-05-15 14:40:00"}, 400, "No data is available"),
        ({"apikey": ""}, 401, "**apikey** parameter is incorrect or not specified"),
    ],
)
def test_refusals(desk: Any, parameters: dict[str, object], code: int, words: str) -> None:
    answer = ask(desk, **parameters)
    assert answer.status_code == code
    assert list(answer.json()) == ["code", "message", "status"]
    assert (answer.json()["code"], answer.json()["status"]) == (code, "error")
    assert answer.json()["message"].startswith(words)


def test_the_key_may_stand_in_a_header(desk_at: MakeDesk) -> None:
    desk = desk_at(api_keys=frozenset({"one"}))
    assert ask(desk, {"Authorization": "apikey one"}).status_code == 200
    assert ask(desk, {"Authorization": "Bearer one"}).status_code == 401
    assert ask(desk, apikey="one").status_code == 200


def test_limits_are_refused_in_the_vendors_words(desk_at: MakeDesk) -> None:
    for settings, words in (({"rate_per_second": 1}, "current minute"), ({"daily_budget": 1}, "for the day")):
        desk = desk_at(**settings)
        assert ask(desk).status_code == 200
        answer = ask(desk)
        assert (answer.status_code, answer.json()["code"]) == (429, 429)
        assert words in answer.json()["message"]


@pytest.mark.parametrize(
    ("message", "code"), [("burst", 429), ("daily_budget", 429), ("premium_only", 404), ("bad_key", 401)]
)
def test_refusals_on_demand(desk: Any, message: str, code: int) -> None:
    desk.order("message", message=message, symbol="AAPL", remaining=1)
    assert ask(desk, symbol="MSFT").status_code == 200
    assert ask(desk).json()["code"] == code
    assert ask(desk).status_code == 200


@pytest.mark.parametrize("order", ["ASC", "desc"])
def test_bars_go_wrong_here_as_elsewhere(desk: Any, order: str) -> None:
    before = ask(desk, outputsize=10, order="ASC").json()["values"]
    desk.order("correction", symbol="AAPL", at="2026-05-15T18:25:00Z")
    desk.order("halt", symbol="AAPL", at="2026-05-15T18:26:00Z", halt_minutes=1)
    desk.order("doubled_bars", bars=2)

    after = ask(desk, outputsize=9, order=order).json()["values"]

    after = after if order == "ASC" else after[::-1]
    assert after[-4:] == [before[8], before[8], before[9], before[9]]
    assert [row["datetime"] for row in after[:7]] == [row["datetime"] for row in [*before[:5], *before[6:8]]]
    assert [row == known for row, known in zip(after[:5], before[:5], strict=True)] == [True] * 4 + [False]
