"""The simulator's answers beside what the vendor really sent."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FindCapture = Callable[[str], Path]


def pattern(text: str) -> str:
    """Returns the form of a printed value: digits and words replaced, their separators kept."""
    if re.fullmatch(r"-?\d+", text):
        return "whole"
    if match := re.fullmatch(r"-?\d+\.(\d+)(%?)", text):
        return f"decimal {len(match[1])}{match[2]}"
    return re.sub(r"[A-Za-z]+", "w", re.sub(r"\d", "0", text))


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        ("TIME_SERIES_INTRADAY", {"symbol": "IBM", "interval": "5min"}),
        ("TIME_SERIES_DAILY", {"symbol": "IBM"}),
        ("GLOBAL_QUOTE", {"symbol": "IBM"}),
        ("SPLITS", {"symbol": "IBM"}),
    ],
)
def test_csv_rows_have_the_form_of_the_vendors(
    desk: Any, captured: FindCapture, function: str, parameters: dict[str, str]
) -> None:
    real = list(csv.reader(io.StringIO(captured(function).read_text())))
    ours = list(csv.reader(io.StringIO(desk.ask(function, **parameters, datatype="csv").text)))
    assert ours[0] == real[0]
    if function != "SPLITS":
        assert len(ours) == len(real)
    assert {tuple(map(pattern, row)) for row in ours[1:]} == {tuple(map(pattern, row)) for row in real[1:]}


def test_adjusted_days_have_the_form_of_the_vendors(desk: Any, captured: FindCapture) -> None:
    real = list(csv.reader(io.StringIO(captured("TIME_SERIES_DAILY_ADJUSTED").read_text())))
    ours = list(csv.reader(io.StringIO(desk.ask("TIME_SERIES_DAILY_ADJUSTED", symbol="IBM", datatype="csv").text)))
    assert ours[0] == real[0]
    assert len(ours) == len(real) == 101
    printed = re.compile(r"\d+\.\d+(,\d+\.\d+){4},\d+,\d+\.\d{4},\d+\.\d")
    for row in ours[1:] + real[1:]:
        assert printed.fullmatch(",".join(row[1:]))


def test_dividends_have_the_form_of_the_vendors(desk: Any, captured: FindCapture) -> None:
    real = list(csv.reader(io.StringIO(captured("DIVIDENDS").read_text())))
    ours = list(csv.reader(io.StringIO(desk.ask("DIVIDENDS", symbol="IBM", datatype="csv").text)))
    assert ours[0] == real[0]
    # The vendor's oldest rows have `None` for dates that nobody wrote down.
    assert {tuple(map(pattern, row)) for row in ours[1:]} <= {tuple(map(pattern, row)) for row in real[1:]}


def test_the_market_status_differs_in_nothing_but_the_status(desk: Any, captured: FindCapture) -> None:
    real = json.loads(captured("MARKET_STATUS").read_text())
    ours = desk.ask("MARKET_STATUS").json()
    for market in real["markets"] + ours["markets"]:
        assert market.pop("current_status") in ("open", "closed")
    assert ours == real


def shape(value: object) -> object:
    if isinstance(value, dict):
        return {key: shape(member) for key, member in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


def test_articles_have_the_form_of_the_vendors(desk: Any, captured: FindCapture) -> None:
    real = json.loads(captured("NEWS_SENTIMENT").read_text())
    ours = desk.ask("NEWS_SENTIMENT", tickers="AAPL").json()
    assert list(ours) == list(real)
    for key in ("items", "sentiment_score_definition", "relevance_score_definition"):
        assert ours[key] == real[key]
    assert shape(ours["feed"]) == shape(real["feed"])
    assert list(ours["feed"][0]) == list(real["feed"][0])

    def labels(feed: list[dict[str, Any]]) -> set[str]:
        return {entry["ticker_sentiment_label"] for article in feed for entry in article["ticker_sentiment"]}

    assert labels(real["feed"]) <= {"Bearish", "Somewhat-Bearish", "Neutral", "Somewhat-Bullish", "Bullish"}
    assert labels(ours["feed"]) <= {"Bearish", "Somewhat-Bearish", "Neutral", "Somewhat-Bullish", "Bullish"}


def test_the_artificial_sample_has_the_form_of_the_vendors(desk: Any, captured: FindCapture) -> None:
    real = json.loads(captured("REALTIME_BULK_QUOTES").read_text())
    ours = desk.ask("REALTIME_BULK_QUOTES").json()
    assert ours["message"] == real["message"]
    assert shape(ours) == shape(real)
    assert list(ours["data"][0]) == list(real["data"][0])
