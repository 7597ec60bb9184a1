"""Runs the transforms of small batches, so that the JVM can archive the classes they need (see bin/train-archive)."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal

import pyarrow as pa

from marketpulse_spark import load, news
from marketpulse_spark.schemas import MENTIONS, NUMBERS, OBSERVATIONS
from marketpulse_spark.session import spark_session
from marketpulse_spark.transforms.sentiment import WINDOW_HOURS

_BARS = 200
_START = dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC)


def main() -> int:
    """Trains; returns 0."""
    spark = spark_session("train_archive")
    bars = load.computed_in_driver(spark, _observed()).num_rows
    hours = news.computed_in_driver(spark, _mentioned()).num_rows
    if (bars, hours) != (_BARS, WINDOW_HOURS):
        raise SystemExit(f"The training batches affect {bars} bars and {hours} hours, not {_BARS} and {WINDOW_HOURS}")
    return 0


def _observed() -> pa.Table:
    bars = [
        {
            "partition": 0,
            "symbol": "TRAINING",
            "source": "training",
            "ts": _START + dt.timedelta(minutes=number),
            **dict.fromkeys(NUMBERS, Decimal(100 + number)),
            "fetched_at": _START + dt.timedelta(days=1),
            "is_stored": number % 2 == 1,
            "basis": 0,
            "is_touched": False,
        }
        for number in range(_BARS)
    ]
    return pa.Table.from_pylist(bars, schema=OBSERVATIONS)


def _mentioned() -> pa.Table:
    mentions = [
        {
            "symbol": "TRAINING",
            "published_at": _START + dt.timedelta(minutes=number),
            "article_id": str(number),
            "relevance": None if number else 0.5,
            "sentiment": 0.25,
            "is_changed": True,
            "is_removed": False,
        }
        for number in range(2)
    ]
    return pa.Table.from_pylist(mentions, schema=MENTIONS)


if __name__ == "__main__":
    sys.exit(main())
