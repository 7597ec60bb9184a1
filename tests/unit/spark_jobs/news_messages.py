"""Messages of the news topic for tests: good ones, and poison of every kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

ARTICLE_ID = "0123456789abcdef0123456789abcdef"
KEY = ARTICLE_ID.encode()


def ticker(symbol: str = "MSFT", relevance: str | None = "0.5", sentiment: str | None = "0.25") -> dict[str, Any]:
    """One of an article's tickers."""
    return {"symbol": symbol, "relevance": relevance, "sentiment": sentiment}


def document(**changes: Any) -> dict[str, Any]:
    """An article that keeps the contract, except for what `changes` says; `...` takes a field away."""
    article = {
        "article_id": ARTICLE_ID,
        "source": "alpha_vantage",
        "url": "https://www.news.example/2024/03/01/a",
        "publisher": "Benzinga",
        "headline": "Microsoft Climbs After Upbeat Outlook",
        "summary": "Microsoft moved higher.",
        "published_at": "2024-03-01T14:30:07Z",
        "tickers": [ticker()],
        "sentiment": "0.125000",
        "fetched_at": "2024-03-01T14:45:02.000001Z",
        "run_id": "scheduled__2024-03-01T14:45:00+00:00",
    } | changes
    return {field: value for field, value in article.items() if value is not ...}


def article(**changes: Any) -> bytes:
    """The bytes of `document(**changes)`."""
    return orjson.dumps(document(**changes))


def with_ticker(**changes: Any) -> bytes:
    """An article whose one ticker is as `changes` says; `...` takes a field away."""
    return article(tickers=[{name: value for name, value in (ticker() | changes).items() if value is not ...}])


#: Name of the poison, reason of the rejection, key and value.
POISON: Sequence[tuple[str, str, bytes | None, bytes | None]] = (
    ("cut off", "bad_json", KEY, article()[:-20]),
    ("no value", "bad_json", KEY, None),
    ("list", "bad_field", KEY, b"[" + article() + b"]"),
    ("id missing", "bad_field", KEY, article(article_id=...)),
    ("id of capitals", "bad_field", ARTICLE_ID.upper().encode(), article(article_id=ARTICLE_ID.upper())),
    ("id too short", "bad_field", KEY[1:], article(article_id=ARTICLE_ID[1:])),
    ("url of another kind", "bad_field", KEY, article(url="ftp://news.example/a")),
    ("url too long", "bad_field", KEY, article(url="https://" + "a" * 1993)),
    ("headline empty", "bad_field", KEY, article(headline="")),
    ("headline too long", "bad_field", KEY, article(headline="a" * 1001)),
    ("headline with a NUL", "bad_field", KEY, article(headline="a\x00b")),
    ("summary null", "bad_field", KEY, article(summary=None)),
    ("summary too long", "bad_field", KEY, article(summary="a" * 20_001)),
    ("publisher missing", "bad_field", KEY, article(publisher=...)),
    ("published in another zone", "bad_field", KEY, article(published_at="2024-03-01T14:30:07+00:00")),
    ("published at no second", "bad_field", KEY, article(published_at="2024-03-01T14:30Z")),
    ("published on the 30th of February", "bad_field", KEY, article(published_at="2024-02-30T14:30:07Z")),
    ("sentiment missing", "bad_field", KEY, article(sentiment=...)),
    ("sentiment a number", "bad_field", KEY, article(sentiment=0.1)),
    ("sentiment above 1", "bad_field", KEY, article(sentiment="1.1")),
    ("sentiment below -1", "bad_field", KEY, article(sentiment="-1.00000001")),
    ("sentiment with an exponent", "bad_field", KEY, article(sentiment="1e-3")),
    ("tickers missing", "bad_field", KEY, article(tickers=...)),
    ("tickers null", "bad_field", KEY, article(tickers=None)),
    ("tickers empty", "bad_field", KEY, article(tickers=[])),
    ("tickers too many", "bad_field", KEY, article(tickers=[ticker(f"S{number}") for number in range(201)])),
    ("ticker a string", "bad_field", KEY, article(tickers=["MSFT"])),
    ("ticker without a relevance", "bad_field", KEY, with_ticker(relevance=...)),
    ("ticker with more", "bad_field", KEY, with_ticker(label="Bullish")),
    ("symbol null", "bad_field", KEY, with_ticker(symbol=None)),
    ("relevance negative", "bad_field", KEY, with_ticker(relevance="-0.5")),
    ("relevance above 1", "bad_field", KEY, with_ticker(relevance="1.5")),
    ("ticker's sentiment a number", "bad_field", KEY, with_ticker(sentiment=1)),
    ("symbol named twice", "bad_field", KEY, article(tickers=[ticker(), ticker(sentiment=None)])),
    ("field unknown", "bad_field", KEY, article(banner="!")),
    ("unknown symbol", "unknown_symbol", KEY, article(tickers=[ticker(), ticker("ENRN")])),
    ("key of another article", "wrong_key", KEY[::-1], article()),
    ("no key", "wrong_key", None, article()),
    ("published after Kafka had it", "future_article", KEY, article(published_at="2024-03-01T15:05:01Z")),
)
