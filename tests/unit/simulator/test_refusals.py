from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simulator.limits import Limits

MakeDesk = Callable[..., Any]


def asked(desk: Any, **parameters: str) -> dict[str, str]:
    answer = desk.ask("GLOBAL_QUOTE", symbol="IBM", **parameters)
    assert answer.status_code == 200
    return dict(answer.json())


@pytest.mark.parametrize("key", ["", "unknown"])
def test_a_key_that_is_not_accepted(desk_at: MakeDesk, key: str) -> None:
    content = asked(desk_at(api_keys=frozenset({"one", "two"})), apikey=key)
    assert list(content) == ["Error Message"]
    assert content["Error Message"].startswith("the parameter apikey is invalid or missing.")


def test_any_key_is_accepted_by_default_and_a_listed_one_otherwise(desk: Any, desk_at: MakeDesk) -> None:
    assert "Global Quote" in asked(desk, apikey="whatever")
    assert "Global Quote" in asked(desk_at(api_keys=frozenset({"one", "two"})), apikey="two")


def test_the_demo_key_answers_documented_examples_only(desk: Any) -> None:
    assert "Global Quote" in asked(desk, apikey="demo")
    assert desk.ask("TIME_SERIES_INTRADAY", apikey="demo", symbol="IBM", interval="5min").json()["Meta Data"]
    refused = desk.ask("TIME_SERIES_INTRADAY", apikey="demo", symbol="MSFT", interval="5min").json()
    assert list(refused) == ["Information"]
    assert "**demo** API key" in refused["Information"]


def test_a_burst_is_refused(desk_at: MakeDesk) -> None:
    desk = desk_at(rate_per_second=2)
    answers = [asked(desk) for _ in range(3)]
    assert "Global Quote" in answers[1]
    assert list(answers[2]) == ["Information"]
    assert "spreading out your free API requests more sparingly (2 requests per second)" in answers[2]["Information"]


def test_the_daily_budget_is_refused_with_the_key_in_the_text(desk_at: MakeDesk) -> None:
    desk = desk_at(daily_budget=1)
    assert "Global Quote" in asked(desk, apikey="CANARY")
    content = asked(desk, apikey="CANARY")
    assert list(content) == ["Information"]
    assert "We have detected your API key as CANARY" in content["Information"]
    assert "1 requests per day" in content["Information"]
    assert "Global Quote" in asked(desk, apikey="another")


def test_limits_end_with_their_second_and_their_day() -> None:
    now = [1_000_000.0]
    limits = Limits(per_second=1, per_day=2, now=lambda: now[0])
    assert limits.refusal("key") is None
    assert limits.refusal("key") == "burst"
    now[0] += 1.0
    assert limits.refusal("key") is None
    now[0] += 1.0
    assert limits.refusal("key") == "daily_budget"
    now[0] += 86_400.0
    assert limits.refusal("key") is None


@pytest.mark.parametrize("function", ["FX_INTRADAY", "REALTIME_OPTIONS"])
def test_a_premium_function(desk: Any, function: str) -> None:
    content = desk.ask(function).json()
    assert list(content) == ["Information"]
    assert "This is a premium endpoint" in content["Information"]


def test_any_function_can_be_made_premium(desk_at: MakeDesk) -> None:
    desk = desk_at(premium_functions=frozenset({"TIME_SERIES_INTRADAY"}))
    content = desk.ask("TIME_SERIES_INTRADAY", symbol="IBM", interval="1min").json()
    assert "This is a premium endpoint" in content["Information"]


def test_a_premium_sample_has_rows_beside_a_message(desk: Any) -> None:
    content = desk.ask("REALTIME_BULK_QUOTES", symbol="MSFT,AAPL,IBM").json()
    assert list(content) == ["endpoint", "message", "data"]
    assert "ARTIFICIAL" in content["message"]
    assert [row["symbol"] for row in content["data"]] == ["MSFT", "AAPL", "IBM"]


def test_an_unknown_function(desk: Any) -> None:
    assert desk.ask("NO_SUCH").json() == {"Error Message": "This API function (NO_SUCH) does not exist."}


@pytest.mark.parametrize("wrong", [{"tickers": "NOPE"}, {"limit": "x"}, {"sort": "OLDEST"}, {"time_from": "2026"}])
def test_wrong_parameters_of_the_news(desk: Any, wrong: dict[str, str]) -> None:
    content = desk.ask("NEWS_SENTIMENT", **wrong).json()
    assert list(content) == ["Information"]
    assert content["Information"].startswith("Invalid inputs.")
