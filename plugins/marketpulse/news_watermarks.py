"""How far the news of each source have been published, and which articles of an answer are new or changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
import psycopg
from psycopg.types.json import Jsonb

from marketpulse.bars import bar_start
from marketpulse.news import Article
from marketpulse.sources.protocol import FetchedNews
from marketpulse.warehouse import sql

# For so long before the watermark an article that comes again is known for what it was.
REMEMBERED = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class NewsWatermark:
    """What has been published of one source.

    Attributes:
        until: All that the source had published before has been; aware, UTC.
        recent: Article id to when it was published (as in the contract) and a digest of its values.
    """

    until: datetime
    recent: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def select_new(fetched: FetchedNews, known: NewsWatermark | None) -> list[Article]:
    """The articles that have not been published, or with other values.

    One older than what is remembered is left out: whether it was published can no longer be told. So is one from the
    future: it is published in its time. Where the answer lacks something, known articles wait: what an article is about
    may be part of what is lacking.
    """
    due = [article for article in fetched.articles if article.published_at <= fetched.fetched_at]
    if known is None:
        return due
    oldest = known.until - REMEMBERED
    new = []
    for article in due:
        remembered = known.recent.get(article.article_id)
        if remembered is None:
            is_new = article.published_at >= oldest
        else:
            is_new = remembered[1] != _digest(article) and not fetched.failures
        if is_new:
            new.append(article)
    return new


def advance(known: NewsWatermark | None, fetched: FetchedNews, published: Iterable[Article]) -> NewsWatermark:
    """The watermark after these articles were published.

    Args:
        known: The watermark before.
        fetched: The answer that they are from.
        published: What Kafka has acknowledged.
    """
    until = min(fetched.until, fetched.fetched_at)
    if known:
        until = max(until, known.until)
    recent = dict(known.recent) if known else {}
    for article in published:
        recent[article.article_id] = (bar_start(article.published_at), _digest(article))
    oldest = bar_start(until - REMEMBERED)
    return NewsWatermark(until, {id_: seen for id_, seen in recent.items() if seen[0] >= oldest})


def read_news_watermark(connection: psycopg.Connection, source: str) -> NewsWatermark | None:
    """What the source has published; None before its first run."""
    row = connection.execute(sql("ops/news_watermarks/read.sql"), {"source": source}).fetchone()
    return NewsWatermark(row[0], {id_: tuple(seen) for id_, seen in row[1].items()}) if row else None


def write_news_watermark(connection: psycopg.Connection, source: str, watermark: NewsWatermark) -> None:
    """Store what the source has published."""
    recent = Jsonb(watermark.recent, dumps=orjson.dumps)
    values = {"source": source, "watermark": watermark.until, "recent_articles": recent}
    connection.execute(sql("ops/news_watermarks/upsert.sql"), values)


def _digest(article: Article) -> str:
    return hashlib.sha256(orjson.dumps(article.values)).hexdigest()[:16]
