from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

MakeDesk = Callable[..., Any]
# The desk's clock shows Friday 2026-05-15T18:30:20Z, 14:30:20 in New York.
NOW = dt.datetime(2026, 5, 15, 18, 30, 20, tzinfo=dt.UTC)
DAYS = {"from": "2026-05-14", "to": "2026-05-15"}


def ask(desk: Any, path: str, headers: Any = None, **parameters: object) -> Any:
    sent = {"X-Finnhub-Token": "a-key"} if headers is None else headers
    return desk.send("GET", f"/api/v1/{path}", params={"symbol": "AAPL", **parameters}, headers=sent)


def quote(desk: Any, **parameters: object) -> dict[str, Any]:
    return dict(ask(desk, "quote", **parameters).json())


def test_news_are_the_markets_articles_of_the_days_newest_first(desk: Any) -> None:
    span = {"time_from": "20260514T0000", "time_to": "20260515T2359", "limit": 1000}
    feed = desk.ask("NEWS_SENTIMENT", tickers="AAPL", **span).json()["feed"]

    rows = ask(desk, "company-news", **DAYS).json()

    assert [(row["headline"], row["summary"], row["source"], row["url"]) for row in rows] == [
        (article["title"], article["summary"], article["source"], article["url"]) for article in feed
    ]
    times = [dt.datetime.fromtimestamp(row["datetime"], dt.UTC) for row in rows]
    assert [f"{time:%Y%m%dT%H%M%S}" for time in times] == [article["time_published"] for article in feed]
    assert {(row["category"], row["related"]) for row in rows} == {("company", "AAPL")}
    assert len({row["id"] for row in rows}) == len(rows) > 3


def test_an_article_about_two_shares_keeps_its_id_and_names_the_one_asked_for(desk: Any) -> None:
    days = {"from": "2026-05-01", "to": "2026-05-15"}
    answers = [ask(desk, "company-news", symbol=symbol, **days).json() for symbol in ("AAPL", "MSFT")]
    apple, microsoft = ({row["id"]: row for row in rows} for rows in answers)

    both = apple.keys() & microsoft.keys()
    assert both
    assert {apple[id_]["related"] for id_ in both} == {"AAPL"}
    assert {microsoft[id_]["related"] for id_ in both} == {"MSFT"}


def test_a_quote_in_trading_hours_is_the_first_trade_of_the_minute_that_is_not_over(desk: Any) -> None:
    bars = desk.bars("AAPL", adjusted="false", outputsize="full")
    before = quote(desk)
    desk.seconds = 40
    bar = desk.bars("AAPL", adjusted="false")["2026-05-15 14:30:00"]

    assert before["t"] == NOW.timestamp() - 20
    assert before["c"] == float(bar["1. open"])
    today = [values for time, values in bars.items() if time >= "2026-05-15 09:30:00"]
    assert before["o"] == float(today[-1]["1. open"])
    assert before["h"] >= max(float(values["2. high"]) for values in today)
    assert before["d"] == pytest.approx(before["c"] - before["pc"])
    assert before["dp"] == pytest.approx(100 * before["d"] / before["pc"], abs=1e-3)


def test_a_minute_later_it_is_the_close_of_that_bar_unless_another_trade_came(desk: Any) -> None:
    desk.order("halt", symbol="AAPL", at="2026-05-15T18:31:00Z", halt_minutes=30)
    desk.seconds = 600

    found = quote(desk)

    bar = desk.bars("AAPL", adjusted="false")["2026-05-15 14:30:00"]
    assert (found["c"], found["t"]) == (float(bar["4. close"]), NOW.timestamp() + 39)


@pytest.mark.parametrize("now", ["2026-05-15T20:30:00Z", "2026-05-17T12:00:00Z", "2026-05-18T13:29:00Z"])
def test_outside_of_trading_hours_it_is_the_close(desk_at: MakeDesk, now: str) -> None:
    desk = desk_at(now)
    found = quote(desk)

    days = desk.ask("TIME_SERIES_DAILY", symbol="AAPL").json()["Time Series (Daily)"]
    closes = [float(day["4. close"]) for day in days.values()]
    assert found["t"] == dt.datetime(2026, 5, 15, 20, tzinfo=dt.UTC).timestamp()
    assert [found["c"], found["pc"]] == closes[:2]


@pytest.mark.parametrize("symbol", ["NOPE", "BTCUSD", ""])
def test_what_is_no_share_has_no_trade_and_no_news(desk: Any, symbol: str) -> None:
    assert quote(desk, symbol=symbol) == {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}
    assert ask(desk, "company-news", symbol=symbol, **DAYS).json() == []


@pytest.mark.parametrize("days", [{}, {"from": "2026-05-15"}, {"from": "yesterday", "to": "today"}])
def test_days_are_wanted(desk: Any, days: dict[str, str]) -> None:
    answer = ask(desk, "company-news", **days)
    assert (answer.status_code, list(answer.json())) == (422, ["error"])


def test_the_key_stands_in_a_header_or_in_the_query(desk_at: MakeDesk) -> None:
    desk = desk_at(api_keys=frozenset({"one"}))
    assert ask(desk, "quote", {"X-Finnhub-Token": "one"}).status_code == 200
    assert ask(desk, "quote", {}, token="one").status_code == 200
    for headers, words in (({"X-Finnhub-Token": "two"}, "Invalid API key"), ({}, "Please use an API key.")):
        answer = ask(desk, "quote", headers)
        assert (answer.status_code, answer.json()) == (401, {"error": words})


@pytest.mark.parametrize("settings", [{"rate_per_second": 1}, {"daily_budget": 1}])
def test_limits_are_refused_in_the_vendors_words(desk_at: MakeDesk, settings: dict[str, int]) -> None:
    desk = desk_at(**settings)
    assert ask(desk, "quote").status_code == 200
    answer = ask(desk, "quote")
    assert (answer.status_code, answer.json()) == (
        429,
        {"error": "API limit reached. Please try again later. Remaining Limit: 0"},
    )


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ({"kind": "http_status", "status": 503}, 503, "503\n"),
        ({"kind": "message", "message": "premium_only"}, 403, '{"error": "You don\'t have access to this resource."}'),
        ({"kind": "message", "message": "bad_key"}, 401, '{"error": "Invalid API key"}'),
        ({"kind": "cut_off"}, 200, '{"c":'),
    ],
)
def test_faults(desk: Any, fault: dict[str, Any], status: int, text: str) -> None:
    whole = ask(desk, "quote").text
    desk.order(**fault, symbol="AAPL", remaining=1)

    assert ask(desk, "quote", symbol="MSFT").status_code == 200
    answer = ask(desk, "quote")

    assert answer.status_code == status
    assert answer.text.startswith(text)
    assert answer.text != whole
    assert ask(desk, "quote").text == whole
