"""Writes articles, stories and the sentiment of the hours they reach, within the transaction that commits ranges."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc

from marketpulse_spark import fault_points, warehouse
from marketpulse_spark.commit import commit_ranges
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.ranges import RangeCount, count_ranges
from marketpulse_spark.schemas import DEAD_LETTERS, MENTIONS
from marketpulse_spark.settings import NewsSettings
from marketpulse_spark.slowest import NEWS_IS_LIVE_FOR, live_messages, with_slowest
from marketpulse_spark.transforms.sentiment import WINDOW_HOURS

_RAW = (
    "topic", "partition", "kafka_offset", "kafka_ts", "batch_id", "article_id", "source", "url", "publisher",
    "headline", "summary", "published_at", "tickers", "sentiment", "fetched_at", "run_id",
)  # fmt: skip
#: A busy machine takes this long for the transform at most; a loader that is gone is noticed by its heartbeat.
_COMPUTE_SECONDS = 120


def write_articles(
    articles: pa.Table,
    compute: Callable[[pa.Table], pa.Table],
    ranges: Sequence[OffsetRange],
    batch_id: int,
    settings: NewsSettings,
) -> list[RangeCount]:
    """Commits ranges with raw, dead letters, observations, current articles and stories, and sentiment.

    Which stories a batch changes is known when its articles are merged, so the transform runs amid the transaction.

    Args:
        articles: All messages of the ranges, layout `schemas.ARTICLES`.
        compute: From `schemas.MENTIONS` to the hours of `transforms.sentiment`.
        ranges: All ranges that the transaction commits; empty ones fence only.
        batch_id: Row of `ops.batches`.
        settings: Where the warehouse is.

    Returns:
        As `commit_ranges`.

    Raises:
        LedgerMoved: Another loader got there first. Nothing was written.
        RangeIncomplete: The rows are not exactly those of the ranges. Nothing was written.
    """
    filled = [each for each in ranges if len(each)]

    def write(cursor: adbc.Cursor) -> list[RangeCount]:
        good = _copy_messages(cursor, articles, batch_id, settings)
        fault_points.reach("after_copy")
        applied = [0] * len(filled)
        if good.num_rows:
            for number, count in _merge(cursor, good, filled):
                applied[number] = count
            _write_sentiment(cursor, compute)
        live = live_messages(good, good["published_at"], ("source",), NEWS_IS_LIVE_FOR)
        return with_slowest(count_ranges(articles, applied, filled), live, filled)

    return commit_ranges(ranges, batch_id, settings, write, idle_seconds=_COMPUTE_SECONDS)


def _copy_messages(cursor: adbc.Cursor, articles: pa.Table, batch_id: int, settings: NewsSettings) -> pa.Table:
    """Copies messages to raw.news and ops.dead_letters; returns those that keep the contract."""
    warehouse.ensure_raw_days(settings, sorted(pc.unique(articles["kafka_ts"].cast(pa.date32())).to_pylist()))
    table = articles.append_column("batch_id", pa.repeat(pa.scalar(batch_id, pa.int64()), articles.num_rows))
    is_bad = pc.is_valid(table["reason"])
    good = table.filter(pc.invert(is_bad))
    warehouse.copy(cursor, "raw", "news", good.select(_RAW))
    fault_points.reach("mid_copy")
    warehouse.copy(cursor, "ops", "dead_letters", table.filter(is_bad).select(DEAD_LETTERS))
    return good


def _merge(cursor: adbc.Cursor, good: pa.Table, filled: Sequence[OffsetRange]) -> list[tuple[int, int]]:
    """Brings articles and stories up to date; returns, by range, how many messages became versions."""
    numbers = {(each.topic, each.partition): number for number, each in enumerate(filled)}
    places = zip(good["topic"].to_pylist(), good["partition"].to_pylist(), strict=True)
    range_number = pa.array([numbers[place] for place in places], pa.int32())
    observed = good.drop_columns(["reason", "detail", "payload"]).append_column("range_number", range_number)
    cursor.adbc_ingest("observed", observed, mode="create", temporary=True)
    applied = warehouse.fetch(cursor, warehouse.sql_text("ops/article_observations/merge.sql"))
    for step in ("collect_headlines", "remember_stories", "merge", "tell_stories"):
        cursor.execute(warehouse.sql_text(f"market/articles/{step}.sql"))
    return applied


def _write_sentiment(cursor: adbc.Cursor, compute: Callable[[pa.Table], pa.Table]) -> None:
    cursor.execute(warehouse.sql_text("market/articles/read_mentions.sql"), [WINDOW_HOURS])
    mentions = cursor.fetch_arrow_table().cast(MENTIONS)
    if mentions.num_rows:
        cursor.adbc_ingest("recomputed", compute(mentions), mode="create", temporary=True)
        cursor.execute(warehouse.sql_text("analytics/sentiment_1h/merge.sql"))
