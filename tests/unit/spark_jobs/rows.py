"""Rows for the transforms: messages and stored bars in the layout `schemas.ROWS`."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
from marketpulse_spark.schemas import ROWS, ROWS_DDL
from pyspark.sql import DataFrame, SparkSession

from tests.unit.spark_jobs.messages import START


def observation(number: int, close: str | None = "100", *, offset: int | None = 0, **changes: Any) -> dict[str, Any]:
    """A message (or with `offset=None` a stored bar) of the bar that starts `number` minutes after START."""
    row = {
        "topic": "market.bars.v1" if offset is not None else None,
        "partition": 0,
        "kafka_offset": offset,
        "source": "alpha_vantage",
        "symbol": "MSFT",
        "interval": "1min" if offset is not None else None,
        "ts": START + dt.timedelta(minutes=number),
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": "10",
        "fetched_at": START + dt.timedelta(days=1),
    }
    return dict.fromkeys(ROWS.names) | row | changes


def dead_letter(offset: int, reason: str = "bad_json", partition: int = 0) -> dict[str, Any]:
    """A message that broke the contract: no bar in it."""
    place = {"topic": "market.bars.v1", "partition": partition, "kafka_offset": offset}
    return dict.fromkeys(ROWS.names) | place | {"reason": reason, "detail": "…", "payload": b"\x00"}


def frame(spark: SparkSession, rows: Iterable[dict[str, Any]]) -> DataFrame:
    """The rows as Spark has them in the job."""
    return spark.createDataFrame(pa.Table.from_pylist(list(rows), schema=ROWS), ROWS_DDL)


def collected(result: DataFrame, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Some columns of the result, in order."""
    return sorted((tuple(row) for row in result.select(*columns).collect()), key=repr)
