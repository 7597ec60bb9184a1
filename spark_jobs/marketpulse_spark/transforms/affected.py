"""Which bars have to be computed again."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from marketpulse_spark.transforms.windows import in_time


def with_affected(rows: DataFrame, series: Sequence[str], reach: int) -> DataFrame:
    """Adds `is_affected`: the newest row of a bar whose indicators depend on a changed bar.

    Args:
        rows: Bars with `ts, is_newest, is_changed`.
        series: The columns that tell one series of bars from another.
        reach: How many bars an indicator looks back.
    """
    # A running maximum is computed once for each row; a maximum over the last 60 rows, 60 times.
    ordered = in_time(series)
    so_far = ordered.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    numbered = rows.withColumn("number", F.row_number().over(ordered))
    bars_since_changed = F.col("number") - F.max(F.when(F.col("is_changed"), F.col("number"))).over(so_far)
    is_affected = F.col("is_newest") & (bars_since_changed <= reach)
    return numbered.withColumn("is_affected", F.coalesce(is_affected, F.lit(False))).drop("number")
