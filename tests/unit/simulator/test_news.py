from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

MakeDesk = Callable[..., Any]


def feed(desk: Any, **parameters: object) -> list[dict[str, Any]]:
    content = desk.ask("NEWS_SENTIMENT", **parameters).json()
    assert content["items"] == str(len(content["feed"]))
    return list(content["feed"])


def test_the_latest_fifty_by_default(desk: Any) -> None:
    times = [article["time_published"] for article in feed(desk)]
    assert len(times) == 50
    assert times == sorted(times, reverse=True)
    assert times[0] <= "20260515T183020"


@pytest.mark.parametrize("ticker", ["AAPL", "CRYPTO:BTC"])
def test_articles_of_a_ticker_name_it(desk: Any, ticker: str) -> None:
    articles = feed(desk, tickers=ticker)
    assert len(articles) == 50
    for article in articles:
        named = {entry["ticker"]: entry for entry in article["ticker_sentiment"]}
        assert 0 < float(named[ticker]["relevance_score"]) <= 1
        assert -1 <= float(named[ticker]["ticker_sentiment_score"]) <= 1


def test_tickers_and_topics_must_all_be_there(desk: Any) -> None:
    articles = feed(desk, tickers="AAPL,MSFT", topics="financial_markets,technology")
    assert articles
    for article in articles:
        assert {"AAPL", "MSFT"} <= {entry["ticker"] for entry in article["ticker_sentiment"]}
        assert {"financial_markets", "technology"} <= {entry["topic"] for entry in article["topics"]}


def test_a_span_of_time_holds_its_articles_and_never_changes(desk: Any, desk_at: MakeDesk) -> None:
    span = {"time_from": "20260510T0000", "time_to": "20260512T2359", "limit": 1000}
    articles = feed(desk, **span)
    assert articles
    assert all("20260510T000000" <= article["time_published"] <= "20260512T235900" for article in articles)
    assert feed(desk_at("2031-01-01T00:00:00Z"), **span) == articles
    assert feed(desk, **span, sort="EARLIEST") == articles[::-1]
    assert feed(desk_at(seed=3), **span) != articles
    assert len({article["url"] for article in articles}) == len(articles)


def test_nothing_is_published_before_its_time(desk: Any) -> None:
    later = feed(desk, time_from="20260515T1000")[0]["time_published"]
    assert later <= "20260515T183020"
    assert desk.ask("NEWS_SENTIMENT", time_from="20270101T0000").json().keys() == {"Information"}


def test_that_nothing_was_published_is_worded_like_a_refusal(desk: Any) -> None:
    answer = desk.ask("NEWS_SENTIMENT", tickers="IBM", time_from="20260515T1830").json()
    assert answer.keys() == {"Information"}
    assert answer["Information"].startswith("No articles found.")


def test_by_relevance(desk: Any) -> None:
    articles = feed(desk, tickers="IBM", sort="RELEVANCE", limit=20)
    scores = [float(article["ticker_sentiment"][0]["relevance_score"]) for article in articles]
    assert scores == sorted(scores, reverse=True)


def test_labels_follow_the_printed_definition(desk: Any) -> None:
    for article in feed(desk, limit=500):
        for entry in article["ticker_sentiment"]:
            score, label = float(entry["ticker_sentiment_score"]), entry["ticker_sentiment_label"]
            bounds = {
                "Bearish": score <= -0.35,
                "Somewhat-Bearish": -0.35 < score <= -0.15,
                "Neutral": -0.15 < score < 0.15,
                "Somewhat-Bullish": 0.15 <= score < 0.35,
                "Bullish": score >= 0.35,
            }
            assert bounds[label]
