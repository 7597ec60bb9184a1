"""What an answer of Alpha Vantage's `NEWS_SENTIMENT` means.

Facts of the vendor: an article has no id but its address; times are UTC; coins are named `CRYPTO:BTC`; the scores of
tickers are strings, that of the article is a number. `tickers` would ask for articles that name all of them at once.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from marketpulse.config import Instrument
from marketpulse.news import Article, Mention, fit_article
from marketpulse.sources.answers import read_articles, score


@dataclass(frozen=True, slots=True)
class Page:
    """One answer.

    Attributes:
        articles: Those about known instruments, oldest first.
        size: How many articles it had.
        newest: When the newest of them was published, known instrument or not; None of an empty one.
        fetched_at: When it had arrived; aware, UTC.
    """

    articles: list[Article]
    size: int
    newest: datetime | None
    fetched_at: datetime


def read_feed(rows: Any, source: str, instruments: Mapping[str, Instrument], fetched_at: datetime) -> Page:
    """The articles of a feed about known instruments.

    Args:
        rows: The answer's `feed`.
        source: The vendor's name in our settings.
        instruments: Those that are known, by symbol.
        fetched_at: When the answer had arrived.

    Raises:
        ValueError: It is no feed, or none of its articles can be read.
    """
    symbols = symbols_by_ticker(instruments)

    def read(row: Any) -> tuple[datetime, Article | None]:
        published_at = datetime.strptime(row["time_published"], "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
        mentions = list(_mentions(row["ticker_sentiment"], symbols))
        return published_at, _article(source, row, published_at, mentions) if mentions else None

    found = read_articles(rows, read)
    articles = sorted((article for _, article in found if article), key=lambda article: article.published_at)
    return Page(articles, len(rows), max((published_at for published_at, _ in found), default=None), fetched_at)


def symbols_by_ticker(instruments: Mapping[str, Instrument]) -> dict[str, list[str]]:
    """The vendor's tickers to our instruments: what is said of a coin is said of every pair of it."""
    symbols: dict[str, list[str]] = defaultdict(list)
    for symbol, instrument in instruments.items():
        coin = symbol.removesuffix(instrument.currency)
        symbols[symbol if instrument.kind == "equity" else f"CRYPTO:{coin}"].append(symbol)
    return dict(symbols)


def _mentions(rows: Sequence[Mapping[str, Any]], symbols: Mapping[str, list[str]]) -> Iterator[Mention]:
    for row in rows:
        for symbol in symbols.get(row["ticker"], []):
            yield Mention(symbol, score(row["relevance_score"], 0), score(row["ticker_sentiment_score"], -1))


def _article(source: str, row: Mapping[str, Any], published_at: datetime, mentions: list[Mention]) -> Article:
    return fit_article(
        source,
        row["url"],
        url=row["url"],
        publisher=row["source"],
        headline=row["title"],
        summary=row["summary"] or "",
        published_at=published_at,
        mentions=mentions,
        sentiment=score(row["overall_sentiment_score"], -1),
    )
