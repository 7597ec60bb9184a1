"""parse_article: the rules of the contract, and what follows from an article's values."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import jsonschema
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from marketpulse_spark.contract import Rejection
from marketpulse_spark.news_contract import FIELDS, TICKER_FIELDS, ParsedArticle, parse_article, parse_articles

from tests.unit.spark_jobs.messages import KAFKA_TS, SYMBOLS, records
from tests.unit.spark_jobs.news_messages import ARTICLE_ID, KEY, POISON, article, document, ticker

SCHEMA = json.loads((Path(__file__).parents[3] / "contracts/market.news.v1.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
_SCORES = st.sampled_from(
    ["0", "1", "-1", "0.123456", "-0.00000001", "1.0", "1.1", "01", "+1", ".5", "1e-3", 0.5, None]
)
_TICKERS = st.fixed_dictionaries(
    {},
    optional={
        "symbol": st.sampled_from(["MSFT", "BTCUSD", "msft", None]),
        "relevance": _SCORES,
        "sentiment": _SCORES,
        "label": st.just("Bullish"),
    },
)
_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "article_id": st.sampled_from([ARTICLE_ID[:-1], "g" * 32, 7]),
    "source": st.sampled_from(["finnhub", "X"]),
    "url": st.sampled_from(
        ["http://a", "https://", "HTTPS://a", "a://b", "https://" + "a" * 1992, "https://" + "a" * 1993]
    ),
    "publisher": st.sampled_from(["", "a", "a" * 200, "\U0001f4c8" * 200, "a" * 201]),
    "headline": st.sampled_from(["", "a\nb", "a" * 1000, "a" * 1001]),
    "summary": st.sampled_from(["", "a" * 20_000, "a" * 20_001, None]),
    "published_at": st.sampled_from(["2024-03-01T05:00:01Z", "2024-03-01T05:00:01.000000Z", "2024-03-01 05:00:01Z"]),
    "tickers": st.lists(_TICKERS, max_size=2) | st.just([ticker()] * 200) | st.just({}),
    "sentiment": _SCORES,
    "more": st.sampled_from(["field", ..., ...]),
}


def parse(raw: bytes | None, key: bytes | None = KEY) -> ParsedArticle | Rejection:
    return parse_article(key, raw, KAFKA_TS, SYMBOLS)


def parsed(**changes: Any) -> ParsedArticle:
    result = parse(article(**changes))
    assert isinstance(result, ParsedArticle), result
    return result


def test_schema_and_parser_know_the_same_fields() -> None:
    assert {*FIELDS, "tickers"} == set(SCHEMA["properties"]) == set(SCHEMA["required"])
    of_ticker = SCHEMA["properties"]["tickers"]["items"]
    assert set(TICKER_FIELDS) == set(of_ticker["properties"]) == set(of_ticker["required"])


@given(st.lists(st.sampled_from(list(_VALUES)), max_size=2), st.data())
def test_the_schema_and_the_parser_agree(fields: list[str], data: st.DataObject) -> None:
    raw = article(**{field: data.draw(_VALUES[field]) for field in fields})
    made = orjson.loads(raw)
    result = parse(raw, str(made["article_id"]).encode())
    if VALIDATOR.is_valid(made):
        # What the parser knows and the schema does not.
        twice = isinstance(result, Rejection) and "names a symbol twice" in result.detail
        assert isinstance(result, ParsedArticle) or twice, result
    else:
        assert isinstance(result, Rejection)


def test_an_article_keeps_its_text() -> None:
    result = parsed()
    assert (result.article_id, result.source, result.sentiment) == (ARTICLE_ID, "alpha_vantage", "0.125000")
    assert result.published_at == dt.datetime(2024, 3, 1, 14, 30, 7, tzinfo=dt.UTC)
    assert orjson.loads(result.tickers) == document()["tickers"]
    assert result.vader is None


@pytest.mark.parametrize(("name", "reason", "key", "raw"), POISON, ids=[name for name, *_ in POISON])
def test_poison_is_refused_for_its_reason(name: str, reason: str, key: bytes | None, raw: bytes | None) -> None:
    result = parse(raw, key)
    assert isinstance(result, Rejection)
    assert result.reason == reason, result.detail
    assert "\x00" not in result.detail, "PostgreSQL takes no NUL in text"
    assert len(result.detail) < 1000


@pytest.mark.parametrize(
    "changes",
    [
        {"summary": ""},
        {"sentiment": None},
        {"tickers": [ticker(relevance=None, sentiment=None), ticker("BTCUSD")]},
        {"published_at": "2024-03-01T15:05:00Z"},
        {"published_at": "0001-01-01T00:00:00Z"},
        {"headline": "\U0001f4c8 \u201cup\u201d\n", "url": "http://a"},
    ],
    ids=["no summary", "no score", "no score of a ticker", "future within the tolerance", "year 1", "emoji"],
)
def test_unusual_messages_are_taken(changes: dict[str, Any]) -> None:
    parsed(**changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"sentiment": "0.125"},
        {"fetched_at": "2024-03-02T00:00:00.000000Z", "run_id": "other"},
        {"tickers": [ticker(relevance="0.50000000", sentiment="0.250")]},
    ],
    ids=["number printed otherwise", "fetched later", "numbers of a ticker printed otherwise"],
)
def test_the_same_values_are_the_same_version(changes: dict[str, Any]) -> None:
    assert parsed(**changes).version == parsed().version
    assert parsed(**changes).known_tickers == parsed().known_tickers


def test_the_order_of_tickers_is_no_value() -> None:
    one, other = ticker("MSFT"), ticker("BTCUSD", "1", "-0")
    assert parsed(tickers=[one, other]).version == parsed(tickers=[other, one]).version
    assert parsed(tickers=[other, one]).version == parsed(tickers=[one, ticker("BTCUSD", "1.0", "0.0")]).version


@pytest.mark.parametrize(
    "changes",
    [
        {"source": "finnhub"},
        {"url": "https://other.example"},
        {"publisher": "Other"},
        {"headline": "microsoft climbs after upbeat outlook"},
        {"summary": "Other."},
        {"published_at": "2024-03-01T14:30:08Z"},
        {"sentiment": None},
        {"tickers": [ticker(sentiment="0.26")]},
        {"tickers": [ticker(relevance=None)]},
        {"tickers": [ticker(), ticker("BTCUSD")]},
    ],
    ids=str,
)
def test_each_value_makes_a_version(changes: dict[str, Any]) -> None:
    assert parsed(**changes).version != parsed().version


def test_headlines_are_compared_by_letters_and_digits() -> None:
    key = parsed(headline="Apple's Q3: +5 % \u2013 a STRASSE").headline_key
    assert parsed(headline="APPLES q3 5% A stra\u00dfe!").headline_key == key
    assert parsed(headline="Apple's Q3: +6 % \u2013 a STRASSE").headline_key != key


def test_a_headline_without_a_letter_is_like_no_other() -> None:
    other = ARTICLE_ID[::-1]
    result = parse(article(article_id=other, headline="?!"), other.encode())
    assert isinstance(result, ParsedArticle)
    assert result.headline_key != parsed(headline="?!").headline_key


@pytest.mark.parametrize(
    ("sentiment", "tickers", "is_needed"),
    [
        (None, [ticker(sentiment=None)], True),
        (None, [ticker(), ticker("BTCUSD", sentiment=None)], True),
        (None, [ticker()], False),
        ("0", [ticker(sentiment=None)], False),
    ],
)
def test_vader_scores_only_what_the_vendor_does_not(
    sentiment: str | None, tickers: list[dict[str, Any]], is_needed: bool
) -> None:
    result = parsed(sentiment=sentiment, tickers=tickers, headline="A great, great success", summary="All are happy.")
    if is_needed:
        assert result.vader is not None
        assert result.vader > 0.9
        assert parsed(sentiment=None, tickers=[ticker(sentiment=None)], headline="War", summary="").vader == -0.5994
    else:
        assert result.vader is None


def test_messages_become_rows_in_their_order() -> None:
    table = parse_articles(
        [records([(KEY, article()), (KEY, b"nonsense"), (KEY, article(sentiment=None))], 7)], SYMBOLS
    )
    assert table["kafka_offset"].to_pylist() == [7, 8, 9]
    assert table["reason"].to_pylist() == [None, "bad_json", None]
    assert table["payload"].to_pylist() == [None, b"nonsense", None]
    assert table["sentiment"].to_pylist() == ["0.125000", None, None]
    assert parse_articles([], SYMBOLS).num_rows == 0
