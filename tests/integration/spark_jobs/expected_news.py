"""What the news tables must hold for a set of messages, whatever their order: computed here, without Spark or SQL."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import orjson
import pytest
from marketpulse_spark.news_contract import ParsedArticle, parse_article

from tests.integration.spark_jobs.feed import Record
from tests.integration.spark_jobs.warehouse import SYMBOLS, Rows, Warehouse

_HOUR = dt.timedelta(hours=1)
_LATER = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def parsed(record: Record) -> ParsedArticle:
    """An article that keeps the contract."""
    result = parse_article(*record, kafka_ts=_LATER, symbols=frozenset(SYMBOLS))
    assert isinstance(result, ParsedArticle), result
    return result


def expected_articles(records: Iterable[Record]) -> Rows:
    """Article, version, since when it is known, story: of each article in order."""
    current = _current(records)
    stories = _stories(article for article, _ in current.values())
    return sorted(
        (article_id, article.headline, article.published_at, known_from, stories[article_id])
        for article_id, (article, known_from) in current.items()
    )


def found_articles(warehouse: Warehouse) -> Rows:
    """The same of the table."""
    return warehouse.rows(
        "SELECT article_id, headline, published_at, known_from, story_id FROM market.articles ORDER BY article_id"
    )


def expected_sentiment(records: Iterable[Record]) -> Rows:
    """The rows of analytics.sentiment_1h; Spark's powers of two may differ from Python's in the last bit."""
    current = {article_id: article for article_id, (article, _) in _current(records).items()}
    stories = _stories(current.values())
    first: dict[tuple[str, str], tuple[ParsedArticle, dict[str, Any]]] = {}
    for article in sorted(current.values(), key=_place):
        for ticker in orjson.loads(article.tickers):
            first.setdefault((stories[article.article_id], ticker["symbol"]), (article, ticker))
    windows: dict[tuple[str, dt.datetime], list[tuple[float, float, float]]] = defaultdict(list)
    for (_, symbol), (article, ticker) in first.items():
        hour_end = article.published_at.replace(minute=0, second=0)
        if hour_end < article.published_at:
            hour_end += _HOUR
        weight = 1.0 if ticker["relevance"] is None else float(ticker["relevance"])
        score = next(
            float(each) for each in (ticker["sentiment"], article.sentiment, article.vader) if each is not None
        )
        for hours in range(48):
            end = hour_end + hours * _HOUR
            windows[symbol, end].append((weight, score, (end - article.published_at) / _HOUR))
    return sorted((symbol, end, *_hour(window)) for (symbol, end), window in windows.items())


def found_sentiment(warehouse: Warehouse) -> Rows:
    """The same of the table."""
    return sorted(
        warehouse.rows(
            "SELECT symbol, hour_end, stories, mean_sentiment, decayed_sentiment FROM analytics.sentiment_1h"
        )
    )


def assert_news_is(warehouse: Warehouse, records: list[Record]) -> None:
    """The tables hold just what these messages say."""
    assert found_articles(warehouse) == expected_articles(records)
    found, expected = found_sentiment(warehouse), expected_sentiment(records)
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    for row, wanted in zip(found, expected, strict=True):
        assert row[3:] == (_nearly(wanted[3]), _nearly(wanted[4])), wanted[:3]


def _nearly(number: float | None) -> Any:
    return None if number is None else pytest.approx(number, abs=1e-12)


def _current(records: Iterable[Record]) -> dict[str, tuple[ParsedArticle, dt.datetime]]:
    """The newest version of each article, and since when it is known."""
    said: dict[str, list[ParsedArticle]] = defaultdict(list)
    for article in map(parsed, records):
        said[article.article_id].append(article)
    current = {}
    for article_id, articles in said.items():
        articles.sort(key=lambda each: (each.fetched_at, each.version))
        newest = articles.pop()
        known_from = newest.fetched_at
        while articles and articles[-1].version == newest.version:
            known_from = articles.pop().fetched_at
        current[article_id] = (newest, known_from)
    return current


def _place(article: ParsedArticle) -> tuple[dt.datetime, str, str]:
    return (article.published_at, article.source, article.article_id)


def _stories(articles: Iterable[ParsedArticle]) -> dict[str, str]:
    """The first article of each one's story."""
    newest: dict[str, ParsedArticle] = {}
    stories: dict[str, str] = {}
    for article in sorted(articles, key=_place):
        before = newest.get(article.headline_key)
        follows = before is not None and article.published_at - before.published_at <= 24 * _HOUR
        stories[article.article_id] = stories[before.article_id] if before and follows else article.article_id
        newest[article.headline_key] = article
    return stories


def _hour(window: list[tuple[float, float, float]]) -> tuple[int, float | None, float | None]:
    """Stories of the hour, their mean and the decayed mean, of (relevance, score, age in hours)."""
    own = [(Decimal(weight), Decimal(score)) for weight, score, age in window if age < 1]
    decayed = [(Decimal(weight) * Decimal(2) ** (-Decimal(age) / 6), Decimal(score)) for weight, score, age in window]
    return (len(own), _mean(own), _mean(decayed))


def _mean(scores: list[tuple[Decimal, Decimal]]) -> float | None:
    weights = sum(weight for weight, _ in scores)
    return float(sum(weight * score for weight, score in scores) / weights) if weights else None
