from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import jsonschema
import pytest
from marketpulse.bars import arrival
from marketpulse.config import SourceSettings, load_instruments
from marketpulse.news import Article, Mention, encode_article
from marketpulse.redaction import Redactor
from marketpulse.sources import http
from marketpulse.sources.errors import (
    BadApiKey,
    MalformedAnswer,
    PremiumOnly,
    RateLimited,
    UnknownSymbol,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from marketpulse.sources.finnhub import LONGEST_REACH, Finnhub, parse_news, parse_quote
from marketpulse.sources.http import Answer
from marketpulse.sources.protocol import FetchedNews, FetchedQuote
from pydantic import SecretStr

from tests.unit.plugins.vendor_server import Asked, Grants, Vendor, vendor

ANSWERS = Path(__file__).parent / "answers" / "finnhub"
CONTRACT = json.loads((Path(__file__).parents[3] / "contracts" / "market.news.v1.json").read_text())
KEY = "CANARY-KEY-0001"
NOW = datetime(2026, 5, 15, 20, 0, tzinfo=UTC)
TRADED_AT = datetime(2026, 5, 15, 18, 13, 57, tzinfo=UTC)
INSTRUMENTS = load_instruments()
NVDA = INSTRUMENTS["NVDA"]

T = TypeVar("T")


def answer(name: str, refusal: VendorError | None = None) -> Answer:
    return Answer((ANSWERS / name).read_bytes(), NOW, NOW, refusal)


def news(name: str, refusal: VendorError | None = None) -> list[Article]:
    return parse_news(answer(name, refusal), "finnhub", NVDA, Redactor(SecretStr(KEY)))


def quote(name: str, refusal: VendorError | None = None) -> FetchedQuote:
    return parse_quote(answer(name, refusal), "finnhub", NVDA, Redactor(SecretStr(KEY)))


def test_articles_are_about_the_share_and_have_no_scores() -> None:
    chips, options = news("news.json")

    assert (chips.source, chips.publisher, chips.published_at) == ("finnhub", "Yahoo", TRADED_AT)
    assert chips.headline == "Chip Makers Climb As Orders Return"
    assert chips.url == "https://finnhub.io/api/news?id=0a2b"
    assert (chips.mentions, chips.sentiment) == ((Mention("NVDA"),), None)
    assert options.summary == ""
    for article in (chips, options):
        jsonschema.validate(json.loads(encode_article(article, arrival(NOW), "run")), CONTRACT)
    assert news("no_news.json") == []


def test_an_article_that_cannot_be_read_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    rows = json.loads((ANSWERS / "news.json").read_bytes())
    rows[0]["id"] = None

    found = parse_news(Answer(json.dumps(rows).encode(), NOW, NOW), "finnhub", NVDA, Redactor(None))

    assert [article.publisher for article in found] == ["SeekingAlpha"]
    assert "it has no id" in caplog.text


def test_a_quote_is_the_last_trade() -> None:
    assert quote("quote.json") == FetchedQuote("261.74", TRADED_AT, NOW)


def test_a_share_that_was_never_traded_is_unknown() -> None:
    with pytest.raises(UnknownSymbol, match="no trade of it"):
        quote("unknown_share.json")


@pytest.mark.parametrize("parse", [news, quote])
@pytest.mark.parametrize(
    ("name", "status_says", "error"),
    [
        ("limit.json", RateLimited, RateLimited),
        ("bad_key.json", BadApiKey, BadApiKey),
        ("no_key.json", BadApiKey, BadApiKey),
        ("premium_only.json", BadApiKey, PremiumOnly),
        ("new_words.json", VendorUnavailable, VendorUnavailable),
        ("new_words.json", None, VendorRefused),
        ("limit.json", None, RateLimited),
    ],
)
def test_every_refusal_has_a_name(
    parse: Callable[[str, VendorError | None], object],
    name: str,
    status_says: type[VendorError] | None,
    error: type[VendorError],
) -> None:
    with pytest.raises(VendorError, match="the vendor says") as caught:
        parse(name, status_says("finnhub", "NVDA", "HTTP", 7.0) if status_says else None)

    assert type(caught.value) is error
    assert caught.value.wait_seconds == (7.0 if status_says else None)


@pytest.mark.parametrize(
    ("parse", "name"),
    [
        (news, "cut_off.json"),
        (news, "quote.json"),
        (news, "no_article_with_a_time.json"),
        (quote, "news.json"),
        (quote, "no_time.json"),
        (quote, "null_price.json"),
    ],
)
def test_what_the_vendor_does_not_document_is_malformed(parse: Callable[[str], object], name: str) -> None:
    with pytest.raises(MalformedAnswer):
        parse(name)


def test_a_refusal_without_words_is_what_its_status_says() -> None:
    with pytest.raises(VendorUnavailable):
        news("cut_off.json", VendorUnavailable("finnhub", "NVDA", "HTTP 502"))


def exchange(asked: Asked) -> tuple[int, bytes]:
    """An article of an hour ago about NVDA alone, and one of two hours ago about IBM, too; a refusal for any other."""
    if asked.headers.get("X-Finnhub-Token") != KEY:
        return 401, (ANSWERS / "bad_key.json").read_bytes()
    if asked.path == "/api/v1/quote":
        return 200, (ANSWERS / "quote.json").read_bytes()
    rows = json.loads((ANSWERS / "news.json").read_bytes())
    for hours, row in enumerate(rows, start=1):
        row["datetime"] = int((datetime.now(UTC) - timedelta(hours=hours)).timestamp())
    match asked.query["symbol"]:
        case "NVDA":
            return 200, json.dumps(rows).encode()
        case "IBM":
            return 200, json.dumps([{**rows[1], "related": "IBM"}]).encode()
        case _:
            return 403, (ANSWERS / "premium_only.json").read_bytes()


def ask(server: Vendor, question: Callable[[Finnhub], Awaitable[T]], *symbols: str, key: str = KEY) -> T:
    settings = SourceSettings.model_validate(
        {
            "name": "finnhub",
            "adapter": "finnhub",
            "base_url": f"{server.url}/api/v1",
            "api_key": key,
            "symbols": symbols or ("NVDA", "IBM"),
        }
    )

    async def once() -> T:
        finnhub = Finnhub(settings, Grants())
        try:
            return await question(finnhub)
        finally:
            await finnhub.close()

    return asyncio.run(once())


def fetch(server: Vendor, since: datetime | None, *symbols: str) -> FetchedNews:
    return ask(server, lambda finnhub: finnhub.fetch_news(INSTRUMENTS, since), *symbols)


@pytest.mark.parametrize("symbols", [("NVDA", "IBM"), ("IBM", "NVDA")])
def test_an_article_that_comes_for_two_shares_is_about_both(symbols: tuple[str, ...]) -> None:
    with vendor(exchange) as server:
        fetched = fetch(server, None, *symbols)

    options, chips = fetched.articles
    assert options.mentions == (Mention("IBM"), Mention("NVDA"))
    assert chips.mentions == (Mention("NVDA"),)
    assert fetched.failures == []
    assert fetched.until == chips.published_at


@pytest.mark.parametrize(
    ("ago", "asked"),
    [(timedelta(hours=1), timedelta(hours=1)), (None, timedelta(days=2)), (timedelta(days=30), LONGEST_REACH)],
)
def test_news_are_asked_for_by_day_share_after_share(ago: timedelta | None, asked: timedelta) -> None:
    now = datetime.now(UTC)
    with vendor(exchange) as server:
        fetch(server, now - ago if ago else None)

    assert [each.query["symbol"] for each in server.asked] == ["NVDA", "IBM"]
    assert {each.path for each in server.asked} == {"/api/v1/company-news"}
    assert server.asked[0].query["from"] == (now - asked).date().isoformat()
    assert server.asked[0].query["to"] == (now + timedelta(days=1)).date().isoformat()


def test_one_share_failing_loses_neither_the_others_nor_its_time() -> None:
    since = datetime.now(UTC) - timedelta(hours=3)
    with vendor(exchange) as server:
        fetched = fetch(server, since, "NVDA", "MSFT", "BTCUSD")

    assert len(fetched.articles) == 2
    assert {error.symbol: type(error) for error in fetched.failures} == {
        "MSFT": PremiumOnly,
        "BTCUSD": UnknownSymbol,
    }
    assert fetched.until == since


@pytest.mark.parametrize("key", [KEY, "CANARY-WRONG"])
def test_the_key_goes_out_in_a_header_and_is_in_no_address_log_or_error(
    key: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_back_off", lambda state: 0.01)
    caplog.set_level(logging.DEBUG)
    error = ""

    with vendor(exchange) as server:
        try:
            assert ask(server, lambda finnhub: finnhub.fetch_quote(NVDA), key=key).price == "261.74"
        except BadApiKey as refused:
            error = str(refused)

    assert bool(error) is (key != KEY)
    (asked,) = server.asked
    assert (asked.path, asked.query) == ("/api/v1/quote", {"symbol": "NVDA"})
    assert asked.headers["X-Finnhub-Token"] == key
    assert "CANARY" not in str(asked.query) + asked.path + caplog.text + error
