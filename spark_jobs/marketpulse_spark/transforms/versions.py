"""Which version of a bar is the newest, and which bars that changes."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

_PRICE = "decimal(20,8)"
_VOLUME = "decimal(28,8)"


def _values() -> list[Column]:
    return [*(F.col(name).cast(_PRICE) for name in ("open", "high", "low", "close")), F.col("volume").cast(_VOLUME)]


def with_newest_version(rows: DataFrame, series: Sequence[str]) -> DataFrame:
    """Adds `is_newest` and `is_changed` to observations of bars.

    The newest version of a bar is the one with the greatest (fetched_at, open, high, low, close, volume),
    numbers compared as numbers: the order in which messages arrived decides nothing. A stored bar wins
    over an equal message, which therefore changes nothing.

    Args:
        rows: Layout `schemas.ROWS`. Stored bars have `kafka_offset` null.
        series: The columns that tell one series of bars from another.

    Returns:
        The rows, with `is_newest` (true for exactly one row of each bar) and `is_changed` (true for the
        newest row of a bar that is new or whose values differ from those stored).
    """
    is_stored = F.col("kafka_offset").isNull()
    newest_first = Window.partitionBy(*series, "ts").orderBy(
        F.col("fetched_at").desc(), *(value.desc() for value in _values()), is_stored.desc()
    )
    whole_bar = newest_first.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    stored_values = F.max(F.when(is_stored, F.struct(*_values()))).over(whole_bar)
    return rows.withColumn("is_newest", F.row_number().over(newest_first) == 1).withColumn(
        "is_changed", F.col("is_newest") & ~F.struct(*_values()).eqNullSafe(stored_values)
    )
