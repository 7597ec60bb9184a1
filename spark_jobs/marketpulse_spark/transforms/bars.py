"""The transform of `load_bars`: observations of bars in, the indicators of all affected bars out."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from marketpulse_spark.transforms.affected import with_affected
from marketpulse_spark.transforms.indicators import INDICATORS, REACH, with_indicators
from marketpulse_spark.transforms.versions import with_newest_version

#: What tells one series of bars from another.
SERIES = ("symbol", "source")
KEY = (*SERIES, "ts")
#: Windows stay within one share basis: a bar's own, and before it the bars that are in its shares.
WINDOWED = (*SERIES, "basis")


def affected_indicators(rows: DataFrame, series: Sequence[str] = WINDOWED) -> DataFrame:
    """Returns KEY and INDICATORS of each bar that a change of the batch reaches, in the shares of that bar.

    Args:
        rows: Layout `schemas.OBSERVATIONS`: the bars of all messages, the stored bars around them, and those before a
            split once more.
        series: WINDOWED, and a column that follows from them where the rows are already distributed by it:
            that spares a shuffle.
    """
    versions = with_newest_version(rows, series).select(
        *series,
        "ts",
        "is_newest",
        "is_changed",
        F.col("divisor").isNull().alias("is_own"),
        *(_in_shares_of_window(name).alias(f"{name}_price") for name in ("high", "low", "close")),
    )
    computed = with_affected(with_indicators(versions, series), series, REACH)
    return computed.where("is_affected AND is_own").select(*KEY, *INDICATORS)


def _in_shares_of_window(name: str) -> Column:
    printed = F.col(name).cast("double")
    return F.when(F.col("divisor").isNull(), printed).otherwise(printed / F.col("divisor"))
