"""Rows: parsed messages, and what the transforms see of them and of stored bars."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import pyarrow as pa
from marketpulse_spark.schemas import NUMBERS, OBSERVATIONS, OBSERVATIONS_DDL, ROWS
from pyspark.sql import DataFrame, SparkSession

from tests.unit.spark_jobs.messages import START


def observation(number: int, close: str = "100", *, is_stored: bool = False, **changes: Any) -> dict[str, Any]:
    """An observation of the bar that starts `number` minutes after START, in the layout `schemas.OBSERVATIONS`."""
    row: dict[str, Any] = {
        "partition": 0,
        "symbol": "MSFT",
        "source": "alpha_vantage",
        "ts": START + dt.timedelta(minutes=number),
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": "10",
        "fetched_at": START + dt.timedelta(days=1),
        "is_stored": is_stored,
        "basis": 0,
        "is_touched": False,
    } | changes
    return row | {name: Decimal(row[name]) for name in NUMBERS}


def candle(number: int, close: str, **changes: Any) -> dict[str, Any]:
    """The same of a bar whose price moved within its minute, by some tenths of a percent."""
    spread = Decimal(close) * (number % 7 + 1) / 1000
    return observation(
        number,
        close,
        **{"high": f"{spread + Decimal(close):.8f}", "low": f"{Decimal(close) - spread / 2:.8f}"} | changes,
    )


def parsed_bar(number: int, offset: int, **changes: Any) -> dict[str, Any]:
    """A message that keeps the contract, in the layout `schemas.ROWS`."""
    seen = {name: str(value) if name in NUMBERS else value for name, value in observation(number, **changes).items()}
    place = {"topic": "market.bars.v1", "kafka_offset": offset, "kafka_ts": START, "interval": "1min", "run_id": "test"}
    return dict.fromkeys(ROWS.names) | {name: seen[name] for name in ROWS.names if name in seen} | place


def dead_letter(offset: int, reason: str = "bad_json", partition: int = 0) -> dict[str, Any]:
    """A message that broke the contract: no bar in it."""
    place = {"topic": "market.bars.v1", "partition": partition, "kafka_offset": offset}
    return dict.fromkeys(ROWS.names) | place | {"reason": reason, "detail": "…", "payload": b"\x00"}


def frame(spark: SparkSession, rows: Iterable[dict[str, Any]]) -> DataFrame:
    """Observations as Spark has them in the job."""
    return spark.createDataFrame(pa.Table.from_pylist(list(rows), schema=OBSERVATIONS), OBSERVATIONS_DDL)
