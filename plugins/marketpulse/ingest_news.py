"""Asking one vendor for news: what is new or changed is published."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from marketpulse import metrics
from marketpulse.config import Instrument, load_instruments, load_sources
from marketpulse.news import NEWS_TOPIC
from marketpulse.news_watermarks import advance, read_news_watermark, select_new, write_news_watermark
from marketpulse.outcome import Outcome
from marketpulse.publishing import ArticlePublisher
from marketpulse.redaction import hide_from_airflow
from marketpulse.sources.budget import Purpose
from marketpulse.sources.errors import Deferred, VendorError
from marketpulse.sources.protocol import FetchedNews, NewsSource, open_source
from marketpulse.warehouse import connect

STATEMENT_SECONDS = 20
LOCK_SECONDS = 5
# Vendors list articles later than they were published.
OVERLAP = timedelta(hours=2)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class NewsResult(Outcome):
    """What asking one source did.

    Attributes:
        deferred: What was left to a later run: the vendor's day has no room for it yet.
    """

    wanted: ClassVar[str] = "news"

    deferred: list[str] = field(default_factory=list)

    def add_problem(self, error: VendorError) -> None:
        """Remember why something is lacking."""
        if isinstance(error, Deferred):
            log.info("%s: %s", error.symbol, error.detail)
            self.deferred.append(error.symbol)
        else:
            self.add_failure(error.symbol, error)


def poll_news(name: str, run_id: str) -> NewsResult:
    """Ask a source of `config/sources.yml` for the news since the last run.

    Args:
        name: The source.
        run_id: The Airflow run, for the messages.

    Raises:
        NotAcknowledged: Kafka did not take every message; nothing is recorded.
    """
    instruments = load_instruments()
    settings = load_sources(instruments)[name]
    hide_from_airflow(settings.api_key)
    result = NewsResult()
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        known = read_news_watermark(connection, name)
    source = open_source(settings, NewsSource, Purpose.GAPS)
    try:
        fetched = asyncio.run(_fetch(source, instruments, known.until - OVERLAP if known else None))
    except VendorError as error:
        result.add_problem(error)
        return result
    for problem in fetched.failures:
        result.add_problem(problem)
    new = select_new(fetched, known)
    publisher = ArticlePublisher(NEWS_TOPIC, run_id)
    publisher.send(new, fetched.fetched_at)
    result.published = publisher.finish().messages
    reached = advance(known, fetched, new)
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        write_news_watermark(connection, name, reached)
    log.info("%d of %d articles are new or changed; asked until %s", len(new), len(fetched.articles), reached.until)
    metrics.count("articles_published", result.published, source=name)
    metrics.gauge("news_age_seconds", (datetime.now(UTC) - reached.until).total_seconds(), source=name)
    return result


async def _fetch(source: NewsSource, instruments: Mapping[str, Instrument], since: datetime | None) -> FetchedNews:
    try:
        return await source.fetch_news(instruments, since)
    finally:
        await source.close()
