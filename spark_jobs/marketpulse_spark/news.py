"""Loads articles batch by batch until Kafka holds no more of them."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable

import pyarrow as pa
from pyspark.sql import SparkSession

from marketpulse_spark import fault_points
from marketpulse_spark.batches import Batches
from marketpulse_spark.kafka_source import read_messages
from marketpulse_spark.ledger import Plan
from marketpulse_spark.metrics import LoadMetrics
from marketpulse_spark.news_contract import parse_articles
from marketpulse_spark.news_writer import write_articles
from marketpulse_spark.ranges import RangeCount
from marketpulse_spark.schemas import MENTIONS_DDL
from marketpulse_spark.settings import NewsSettings
from marketpulse_spark.transforms.sentiment import affected_sentiment
from marketpulse_spark.warehouse import Control


def load(settings: NewsSettings, submitted_at: float, session: Callable[[], SparkSession]) -> None:
    """Loads all that Kafka holds beyond the ledger, each batch by the driver alone.

    A story's articles lie in all partitions, as the key of a message is its article, so parallel transactions would
    meet; and a day brings thousands of articles where it brings millions of bars.

    Args:
        settings: See there.
        submitted_at: When the process was started, in seconds since 1970: metrics count from there.
        session: Gives the Spark session; called when there is something to load.

    Raises:
        DatasetLocked, LedgerMoved, LoadRefused, RangeIncomplete: see `errors`. What was committed before stays.
    """
    with contextlib.closing(LoadMetrics(settings.dataset)) as metrics, Control(settings) as control:
        symbols = control.symbols()
        batches = Batches(control, metrics, settings, submitted_at)
        while plan := batches.next_plan(settings.max_messages_per_batch):
            batches.load("driver", functools.partial(_load_batch, session, plan, symbols, settings))
    fault_points.reach("before_exit")


def _load_batch(
    session: Callable[[], SparkSession], plan: Plan, symbols: frozenset[str], settings: NewsSettings, batch_id: int
) -> list[RangeCount]:
    articles = parse_articles(read_messages(plan.ranges, settings), symbols)
    # Before the transaction, which is the shorter for it.
    compute = functools.partial(computed_in_driver, session())
    return write_articles(articles, compute, plan.ranges, batch_id, settings)


def computed_in_driver(spark: SparkSession, mentions: pa.Table) -> pa.Table:
    """Runs the transform over mentions that the driver holds, in one Spark partition."""
    return affected_sentiment(spark.createDataFrame(mentions, MENTIONS_DDL).coalesce(1)).toArrow()
