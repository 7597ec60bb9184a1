"""Finnhub: `/company-news` and `/quote` of US shares, with a key of the free plan; its candles need a paid one.

Facts of the vendor: news are asked for by day, both ends included, one share a question; times are seconds since 1970.
An article has an id; `related` names the share that was asked for, so that an article about two of them comes twice. It
gives no scores. A quote is of regular trading: outside, `t` is the last close; all of it is 0 for a share that it does
not know. Errors are `{"error"}` with their HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from marketpulse.config import Instrument, SourceSettings
from marketpulse.news import Article, Mention, fit_article
from marketpulse.redaction import Redactor
from marketpulse.sources.answers import parse_json, plain_number, quoted, read_articles
from marketpulse.sources.budget import Budget
from marketpulse.sources.errors import (
    BadApiKey,
    MalformedAnswer,
    PremiumOnly,
    RateLimited,
    UnknownSymbol,
    VendorError,
    VendorRefused,
)
from marketpulse.sources.http import Answer, VendorClient
from marketpulse.sources.protocol import FetchedNews, FetchedQuote

FIRST_REACH = timedelta(days=2)
# The longest outage that is caught up.
LONGEST_REACH = timedelta(days=7)

_REFUSALS: tuple[tuple[re.Pattern[str], type[VendorError]], ...] = (
    (re.compile(r"limit reached", re.I), RateLimited),
    (re.compile(r"access to this resource", re.I), PremiumOnly),
    (re.compile(r"API key", re.I), BadApiKey),
)

T = TypeVar("T")


def open_source(settings: SourceSettings, budget: Budget) -> Finnhub:
    """The adapter, ready to fetch."""
    return Finnhub(settings, budget)


class Finnhub:
    """A `NewsSource` and `QuoteSource` of US shares.

    Args:
        settings: Key, address, and the shares to ask for news of.
        budget: Grants the requests.
    """

    def __init__(self, settings: SourceSettings, budget: Budget) -> None:
        self._settings = settings
        key = settings.api_key
        # In a header: addresses end up in logs.
        headers = {"X-Finnhub-Token": key.get_secret_value()} if key else {}
        self._client = VendorClient(settings, budget, headers, words_refusals=True)

    async def fetch_news(self, instruments: Mapping[str, Instrument], since: datetime | None) -> FetchedNews:
        """See `NewsSource.fetch_news`: one share after the other; where one fails, the next question begins as this."""
        now = datetime.now(UTC)
        start = max(since or now - FIRST_REACH, now - LONGEST_REACH)
        # Until tomorrow: whose midnight ends the vendor's day is not documented.
        days = {"from": f"{start:%Y-%m-%d}", "to": f"{now + timedelta(days=1):%Y-%m-%d}"}
        articles: dict[str, Article] = {}
        failures: list[VendorError] = []
        for symbol in self._settings.symbols:
            try:
                for article in await self._ask(instruments[symbol], "/company-news", days, parse_news):
                    articles[article.article_id] = _about_both(articles.get(article.article_id), article)
            except VendorError as error:
                failures.append(error)
        found = sorted(articles.values(), key=lambda article: article.published_at)
        until = start if failures or not found else max(start, found[-1].published_at)
        return FetchedNews(found, datetime.now(UTC), until, failures)

    async def fetch_quote(self, instrument: Instrument) -> FetchedQuote:
        """See `QuoteSource.fetch_quote`."""
        return await self._ask(instrument, "/quote", {}, parse_quote)

    async def close(self) -> None:
        """See `Source.close`."""
        await self._client.close()

    async def _ask(
        self,
        instrument: Instrument,
        path: str,
        query: Mapping[str, str],
        parse: Callable[[Answer, str, Instrument, Redactor], T],
    ) -> T:
        source, symbol = self._settings.name, instrument.symbol
        if instrument.kind != "equity":
            raise UnknownSymbol(source, symbol, "this adapter serves equities only")

        def read(answer: Answer) -> T:
            return parse(answer, source, instrument, self._client.redact)

        return await self._client.ask(symbol, path, {"symbol": symbol, **query}, read)


def parse_news(answer: Answer, source: str, instrument: Instrument, redact: Redactor) -> list[Article]:
    """The articles of an answer; one that cannot be read is logged and left out.

    Args:
        answer: The articles, or why there are none.
        source: The vendor's name in our settings.
        instrument: What was asked for.
        redact: Keeps the key out of errors.

    Raises:
        VendorError: The document is a refusal, or not what the vendor documents.
    """
    rows = _read(answer, list, source, instrument, redact)
    try:
        return read_articles(rows, lambda row: _article(source, instrument.symbol, row))
    except ValueError as error:
        raise MalformedAnswer(source, instrument.symbol, redact(str(error))) from None


def parse_quote(answer: Answer, source: str, instrument: Instrument, redact: Redactor) -> FetchedQuote:
    """The last trade, its price as printed.

    Args:
        answer: The quote, or why there is none.
        source: The vendor's name in our settings.
        instrument: What was asked for.
        redact: Keeps the key out of errors.

    Raises:
        VendorError: The document is a refusal, or not what the vendor documents.
    """
    quote = _read(answer, dict, source, instrument, redact)
    try:
        price, seconds = plain_number(quote["c"]), int(quote["t"])
        if seconds:
            return FetchedQuote(price, datetime.fromtimestamp(seconds, UTC), answer.received_at)
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError, OSError) as error:
        raise MalformedAnswer(source, instrument.symbol, redact(f"{type(error).__name__} {error}")) from None
    raise UnknownSymbol(source, instrument.symbol, "the vendor has no trade of it")


def _read(answer: Answer, kind: type, source: str, instrument: Instrument, redact: Redactor) -> Any:
    symbol, refusal = instrument.symbol, answer.refusal
    try:
        document = parse_json(answer.body)
    except ValueError as error:
        raise refusal or MalformedAnswer(source, symbol, redact(str(error))) from None
    if isinstance(document, dict) and "error" in document:
        words = str(document["error"])
        named = (error for pattern, error in _REFUSALS if pattern.search(words))
        refused = next(named, type(refusal) if refusal else VendorRefused)
        raise refused(source, symbol, quoted(words, redact), refusal.wait_seconds if refusal else None)
    if refusal or not isinstance(document, kind):
        raise refusal or MalformedAnswer(source, symbol, f"a JSON document that is no {kind.__name__}")
    return document


def _article(source: str, symbol: str, row: Mapping[str, Any]) -> Article:
    if not isinstance(row["id"], str):
        raise TypeError("it has no id")
    return fit_article(
        source,
        row["id"],
        url=row["url"],
        publisher=row["source"],
        headline=row["headline"],
        summary=row["summary"],
        published_at=datetime.fromtimestamp(int(row["datetime"]), UTC),
        mentions=[Mention(symbol)],
    )


def _about_both(known: Article | None, article: Article) -> Article:
    """An article that came for two shares, about both: in the same order, whichever was asked for first."""
    if known is None:
        return article
    symbols = {mention.symbol for mention in (*known.mentions, *article.mentions)}
    return replace(article, mentions=tuple(Mention(symbol) for symbol in sorted(symbols)))
