"""The contract of an article: contracts/market.news.v1.json, and what a JSON Schema cannot say."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import orjson
import pyarrow as pa

from marketpulse_spark.contract import FUTURE_TOLERANCE, Rejection, as_row, check_fields, check_known, read_object
from marketpulse_spark.contract import PATTERNS as BAR_PATTERNS
from marketpulse_spark.schemas import ARTICLES
from marketpulse_spark.vader import compound_score

_SENTIMENT = r"^-?(0(\.[0-9]{1,8})?|1(\.0{1,8})?)$"
#: The fields that are text, each with the pattern of it; `sentiment` may be null.
FIELDS = {
    "article_id": r"^[0-9a-f]{32}$",
    "source": BAR_PATTERNS["source"],
    "url": r"^(?=https?://)[^\x00]{1,2000}$",
    "publisher": r"^[^\x00]{1,200}$",
    "headline": r"^[^\x00]{1,1000}$",
    "summary": r"^[^\x00]{0,20000}$",
    "published_at": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
    "sentiment": _SENTIMENT,
    "fetched_at": BAR_PATTERNS["fetched_at"],
    "run_id": BAR_PATTERNS["run_id"],
}
#: The same of each of `tickers`; `relevance` and `sentiment` may be null.
TICKER_FIELDS = {
    "symbol": BAR_PATTERNS["symbol"],
    "relevance": r"^(0(\.[0-9]{1,8})?|1(\.0{1,8})?)$",
    "sentiment": _SENTIMENT,
}
_MOST_TICKERS = 200


@dataclass(frozen=True)
class ParsedArticle:
    """A message that keeps the contract, and what follows from its values.

    Attributes:
        tickers: JSON, as received.
        known_tickers: JSON, by symbol and with numbers in one form: equal values are equal text.
        sentiment: The vendor's score for the whole article, as printed.
        vader: Score of the text, for those tickers that the vendor scores neither by themselves nor with the article;
            None where there is no such.
        version: Digest of the values: what tells a revision from a duplicate.
        headline_key: Digest of the headline's letters and digits: what articles of one story share.
    """

    article_id: str
    source: str
    url: str
    publisher: str
    headline: str
    summary: str
    published_at: dt.datetime
    tickers: str
    known_tickers: str
    sentiment: str | None
    vader: float | None
    version: str
    headline_key: str
    fetched_at: dt.datetime
    run_id: str


def parse_article(
    key: bytes | None, value: bytes | None, kafka_ts: dt.datetime, symbols: frozenset[str]
) -> ParsedArticle | Rejection:
    """Parses one message of the news topic.

    Args:
        key: The record's key; must be the article's id, or its versions could sit in several partitions.
        value: The record's value.
        kafka_ts: The record's timestamp, aware: what "future" is measured against.
        symbols: Known instruments.
    """
    document = read_object(value)
    if isinstance(document, Rejection):
        return document
    text = {field: value for field, value in document.items() if field != "tickers"}
    return (
        _check_nullable(text, FIELDS, ("sentiment",), times=("published_at", "fetched_at"))
        or _check_tickers(document.get("tickers"), symbols)
        or _check_meaning(document, key, kafka_ts)
        or _article(document)
    )


def _check_nullable(
    document: Mapping[str, Any], patterns: Mapping[str, str], nullable: Sequence[str], times: Sequence[str] = ()
) -> Rejection | None:
    """As `check_fields`, with fields that must be there but may be null."""
    nulls = {field for field in nullable if document.get(field, "") is None}
    given = {field: value for field, value in document.items() if field not in nulls}
    return check_fields(given, {field: patterns[field] for field in patterns if field not in nulls}, times)


def _check_tickers(tickers: object, symbols: frozenset[str]) -> Rejection | None:
    if not isinstance(tickers, list) or not 1 <= len(tickers) <= _MOST_TICKERS:
        return Rejection("bad_field", f"tickers is missing or no JSON list of 1 to {_MOST_TICKERS}")
    for ticker in tickers:
        if not isinstance(ticker, dict):
            return Rejection("bad_field", f"tickers holds a JSON {type(ticker).__name__}, not an object")
        wrong = _check_nullable(ticker, TICKER_FIELDS, ("relevance", "sentiment"))
        if wrong:
            return Rejection(wrong.reason, f"tickers: {wrong.detail}")
    named = [ticker["symbol"] for ticker in tickers]
    if len(set(named)) < len(named):
        return Rejection("bad_field", f"tickers names a symbol twice: {', '.join(sorted(named))[:200]}")
    return next((wrong for symbol in named if (wrong := check_known(symbol, symbols))), None)


def _check_meaning(document: Mapping[str, Any], key: bytes | None, kafka_ts: dt.datetime) -> Rejection | None:
    article_id = document["article_id"]
    if key != article_id.encode():
        return Rejection("wrong_key", f"the key is {key!r:.80}, but must be the article_id {article_id}")
    if dt.datetime.fromisoformat(document["published_at"]) > kafka_ts + FUTURE_TOLERANCE:
        return Rejection(
            "future_article",
            f"published_at is {document['published_at']}, but Kafka received it at {kafka_ts.isoformat()}",
        )
    return None


def _article(document: Mapping[str, Any]) -> ParsedArticle:
    known_tickers = orjson.dumps(
        [
            {"symbol": each["symbol"]} | {name: _number(each[name]) for name in ("relevance", "sentiment")}
            for each in sorted(document["tickers"], key=lambda ticker: str(ticker["symbol"]))
        ]
    ).decode()
    sentiment = document["sentiment"]
    needs_vader = sentiment is None and any(ticker["sentiment"] is None for ticker in document["tickers"])
    words = [document[name] for name in ("source", "url", "publisher", "headline", "summary", "published_at")]
    return ParsedArticle(
        **{name: document[name] for name in ("article_id", "source", "url", "publisher", "headline", "summary")},
        published_at=dt.datetime.fromisoformat(document["published_at"]),
        tickers=orjson.dumps(document["tickers"]).decode(),
        known_tickers=known_tickers,
        sentiment=sentiment,
        vader=compound_score(document["headline"], document["summary"]) if needs_vader else None,
        version=_digest(orjson.dumps([*words, known_tickers, _number(sentiment)])),
        headline_key=_headline_key(document["headline"], document["article_id"]),
        fetched_at=dt.datetime.fromisoformat(document["fetched_at"]),
        run_id=document["run_id"],
    )


def _number(text: str | None) -> str | None:
    """A number in one form: 0.10 is 0.1, -0 is 0."""
    return None if text is None else f"{(Decimal(text) + 0).normalize():f}"


def _headline_key(headline: str, article_id: str) -> str:
    letters = "".join(letter for letter in headline.casefold() if letter.isalnum())
    # A headline of signs alone says nothing of its story.
    return _digest((letters or f"article {article_id}").encode())


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]


def parse_articles(batches: Iterable[pa.RecordBatch], symbols: frozenset[str]) -> pa.Table:
    """Parses messages of the news topic.

    Args:
        batches: Records in the layout `schemas.MESSAGES`.
        symbols: Known instruments.

    Returns:
        The same records in the same order, in the layout `schemas.ARTICLES`.
    """
    rows = [
        as_row(message, parse_article(message["key"], message["value"], message["kafka_ts"], symbols))
        for batch in batches
        for message in batch.to_pylist()
    ]
    return pa.Table.from_pylist(rows, schema=ARTICLES)
