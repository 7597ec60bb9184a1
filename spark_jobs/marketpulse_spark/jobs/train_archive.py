"""Runs the transform of a small batch, so that the JVM can archive the classes it needs (see bin/train-archive)."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal

import pyarrow as pa

from marketpulse_spark.load import computed_in_driver
from marketpulse_spark.schemas import NUMBERS, OBSERVATIONS
from marketpulse_spark.session import spark_session

_BARS = 200
_START = dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC)


def main() -> int:
    """Trains; returns 0."""
    computed = computed_in_driver(spark_session("train_archive"), _observed())
    if computed.num_rows != _BARS:
        raise SystemExit(f"The training batch has {computed.num_rows} affected bars instead of {_BARS}")
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


if __name__ == "__main__":
    sys.exit(main())
