"""An article of news and its message on the wire (`contracts/market.news.v1.json`)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from marketpulse.bars import bar_start

NEWS_TOPIC = "market.news.v1"

_LONGEST_URL = 2000
_LONGEST_PUBLISHER = 200
_LONGEST_HEADLINE = 1000
_LONGEST_SUMMARY = 20_000
_MOST_MENTIONS = 200
_URL = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Mention:
    """An instrument that an article is about.

    Attributes:
        symbol: Instrument, as named in `config/instruments.yml`.
        relevance: Decimal text, 0 to 1; None where the vendor gives none.
        sentiment: Decimal text, -1 to 1; None where the vendor gives none.
    """

    symbol: str
    relevance: str | None = None
    sentiment: str | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """What a vendor says of one article; `fit_article` makes one that keeps the contract.

    Attributes:
        article_id: Of the vendor's article, whatever else changes.
        source: Vendor, as named in `config/sources.yml`.
        url: Where it can be read.
        publisher: Who published it.
        headline: Its headline.
        summary: Empty where the vendor gives none.
        published_at: Aware, UTC, whole seconds.
        mentions: What it is about, each instrument once.
        sentiment: Decimal text of the whole article, -1 to 1; None where the vendor gives none.
    """

    article_id: str
    source: str
    url: str
    publisher: str
    headline: str
    summary: str
    published_at: datetime
    mentions: tuple[Mention, ...]
    sentiment: str | None

    @property
    def values(self) -> dict[str, Any]:
        """The message without what each fetch changes."""
        return {
            "article_id": self.article_id,
            "source": self.source,
            "url": self.url,
            "publisher": self.publisher,
            "headline": self.headline,
            "summary": self.summary,
            "published_at": bar_start(self.published_at),
            "tickers": [
                {"symbol": mention.symbol, "relevance": mention.relevance, "sentiment": mention.sentiment}
                for mention in self.mentions
            ],
            "sentiment": self.sentiment,
        }


def fit_article(
    source: str,
    vendor_id: str,
    *,
    url: str,
    publisher: str,
    headline: str,
    summary: str,
    published_at: datetime,
    mentions: Iterable[Mention],
    sentiment: str | None = None,
) -> Article:
    """An article in the contract's bounds: texts that are too long are cut.

    Args:
        source: Vendor, as named in `config/sources.yml`.
        vendor_id: The vendor's own id, or the url where it has none.
        url: As in `Article`. So are the others.
        publisher: Who published it.
        headline: Its headline.
        summary: May be empty.
        published_at: Aware, UTC, whole seconds.
        mentions: What it is about; of an instrument that is named twice the first counts.
        sentiment: Of the whole article.

    Raises:
        ValueError: It has no address, headline or publisher that could be published.
    """
    if len(url) > _LONGEST_URL or not _URL.fullmatch(url):
        raise ValueError(f"{url[:100]!r} is no address of a page")
    by_symbol: dict[str, Mention] = {}
    for mention in mentions:
        by_symbol.setdefault(mention.symbol, mention)
    article = Article(
        hashlib.sha256(f"{source}\n{vendor_id}".encode()).hexdigest()[:32],
        source,
        url,
        _fit(publisher, _LONGEST_PUBLISHER),
        _fit(headline, _LONGEST_HEADLINE),
        _fit(summary, _LONGEST_SUMMARY),
        published_at,
        tuple(by_symbol.values())[:_MOST_MENTIONS],
        sentiment,
    )
    if not article.publisher or not article.headline:
        raise ValueError(f"{url[:100]} has no publisher or headline")
    return article


def encode_article(article: Article, fetched_at: str, run_id: str) -> bytes:
    """The Kafka message of an article.

    Args:
        article: The article.
        fetched_at: When the vendor's answer arrived, in the contract's form.
        run_id: What fetched it.
    """
    return orjson.dumps({**article.values, "fetched_at": fetched_at, "run_id": run_id})


def _fit(text: str, longest: int) -> str:
    # Half of a surrogate pair has no UTF-8, and PostgreSQL stores no NUL.
    return text.encode(errors="replace").decode().replace("\0", "").strip()[:longest].strip()
