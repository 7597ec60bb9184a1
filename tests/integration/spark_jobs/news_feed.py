"""Articles in a topic of their own, and the loader that reads them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from marketpulse_spark.news import load
from marketpulse_spark.settings import NewsSettings
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.feed import Record, Topics, fetched
from tests.unit.spark_jobs.news_messages import article, ticker

_FIRST_HOUR = dt.datetime(2024, 3, 1, tzinfo=dt.UTC)


def story(number: int, hours: float, score: str | None = "0.5", **changes: Any) -> Record:
    """A message of article `number`, published so many hours after 2024-03-01 00:00 UTC.

    It names MSFT with `score`, and has a headline like no other's, unless `changes` says otherwise.
    """
    article_id = f"{number:032x}"
    made = {
        "article_id": article_id,
        "headline": f"Headline {number}",
        "published_at": f"{_FIRST_HOUR + dt.timedelta(hours=hours):%Y-%m-%dT%H:%M:%SZ}",
        "tickers": [ticker(sentiment=score)],
        "fetched_at": fetched(0),
    }
    return article_id.encode(), article(**(made | changes))


@dataclass(frozen=True)
class NewsFeed(Topics):
    """A topic of articles, and the loader over it."""

    settings: NewsSettings
    spark: SparkSession

    def publish(self, records: Sequence[Record]) -> None:
        """Publishes articles."""
        self.publish_to(self.settings.news_topic, records)

    def load(self, **changes: Any) -> None:
        """Runs the load of everything published, in this process."""
        load(dataclasses.replace(self.settings, **changes), time.time(), lambda: self.spark)


def news_settings(environment: dict[str, str], topic: str | None = None) -> NewsSettings:
    """A loader of this topic, or of one like no other, into the stack's warehouse, with little patience."""
    return NewsSettings(
        run_id="test",
        warehouse_dsn=environment["MARKETPULSE_WAREHOUSE_DSN"],
        kafka_bootstrap=environment["MARKETPULSE_KAFKA_BOOTSTRAP"],
        news_topic=topic or f"test.news.{uuid.uuid4().hex}",
        lock_seconds=2,
    )
