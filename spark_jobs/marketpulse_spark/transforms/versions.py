"""Which version of a bar is the newest, and which bars that changes."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

_VALUES = ("open", "high", "low", "close", "volume")


def with_newest_version(rows: DataFrame, series: Sequence[str]) -> DataFrame:
    """Adds `is_newest` and `is_changed` to observations of bars.

    The newest version of a bar is the one with the greatest (fetched_at, open, high, low, close, volume):
    the order in which messages arrived decides nothing. A stored bar wins over an equal message, which
    therefore changes nothing.

    Args:
        rows: Layout `schemas.OBSERVATIONS`.
        series: The columns that tell one series of bars from another.

    Returns:
        The rows, with `is_newest` (true for exactly one row of each bar) and `is_changed` (true for the
        newest row of a bar that is new, or whose values or divisor differ from those stored).
    """
    # One window for both, so that the rows are sorted once.
    newest_first = Window.partitionBy(*series, "ts").orderBy(
        *(F.col(name).desc() for name in ("fetched_at", *_VALUES, "is_stored"))
    )
    whole_bar = newest_first.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    values = F.struct(*_VALUES)
    return (
        rows.withColumns(
            {
                "is_newest": F.row_number().over(newest_first) == 1,
                "stored_values": F.max(F.when(F.col("is_stored"), values)).over(whole_bar),
            }
        )
        .withColumn(
            "is_changed", F.col("is_newest") & (~values.eqNullSafe(F.col("stored_values")) | F.col("is_touched"))
        )
        .drop("stored_values")
    )
