"""The transform of `load_bars`: observations of bars in, the same rows with versions and indicators out."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from marketpulse_spark.schemas import ROWS
from marketpulse_spark.transforms.indicators import (
    INDICATORS,
    with_affected,
    with_moving_averages,
    with_price_changes,
)
from marketpulse_spark.transforms.versions import with_newest_version

#: What tells one series of bars from another.
SERIES = ("symbol", "source")


def with_indicators(rows: DataFrame, series: Sequence[str] = SERIES) -> DataFrame:
    """Adds `is_affected` and the indicators, which count where `is_affected` is true.

    Args:
        rows: Layout `schemas.ROWS`: messages, bad ones included, and the stored bars around them.
        series: SERIES, and a column that follows from them where the rows are already distributed by it:
            that spares a shuffle.
    """
    observed = rows.withColumn("close_price", F.col("close").cast("decimal(20,8)").cast("double"))
    versions = with_newest_version(observed, series)
    computed = with_price_changes(with_moving_averages(versions, series), series)
    return with_affected(computed, series).select(*ROWS.names, "is_affected", *INDICATORS)
