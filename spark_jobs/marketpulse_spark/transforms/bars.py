"""The transform of `load_bars`: observations of bars in, the indicators of all affected bars out."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from marketpulse_spark.transforms.indicators import (
    INDICATORS,
    with_affected,
    with_moving_averages,
    with_price_changes,
)
from marketpulse_spark.transforms.versions import with_newest_version

#: What tells one series of bars from another.
SERIES = ("symbol", "source")
KEY = (*SERIES, "ts")


def affected_indicators(rows: DataFrame, series: Sequence[str] = SERIES) -> DataFrame:
    """Returns KEY and INDICATORS of each bar that a change of the batch reaches.

    Args:
        rows: Layout `schemas.OBSERVATIONS`: the bars of all messages, and the stored bars around them.
        series: SERIES, and a column that follows from them where the rows are already distributed by it:
            that spares a shuffle.
    """
    versions = with_newest_version(rows, series).select(
        *series, "ts", "is_newest", "is_changed", F.col("close").cast("double").alias("close_price")
    )
    computed = with_moving_averages(with_price_changes(versions, series), series)
    return with_affected(computed, series).where("is_affected").select(*KEY, *INDICATORS)
