"""Moving averages and price changes over one-minute bars.

Every window is a fixed number of bars, never of minutes: a minute without trades is no bar. Values are
computed from a bar's neighbours alone, in a fixed order, so they come out identical to the last bit
whether bars arrive live, in one load, or in any other order.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

SMA_BARS = (5, 20, 60)
CHANGE_BARS = (1, 5, 15, 60)

#: How far a bar's values reach: the indicators of this many bars after it depend on it.
REACH = max(*SMA_BARS, *CHANGE_BARS)

INDICATORS = (
    *(f"sma_{bars}" for bars in SMA_BARS),
    *(f"change_{bars}" for bars in CHANGE_BARS),
    *(f"change_pct_{bars}" for bars in CHANGE_BARS),
)


def _in_time(series: Sequence[str]) -> WindowSpec:
    """One series in time. Rows of different is_newest share no window: superseded versions move no average."""
    return Window.partitionBy(*series, "is_newest").orderBy("ts")


def with_moving_averages(rows: DataFrame, series: Sequence[str]) -> DataFrame:
    """Adds `sma_5`, `sma_20`, `sma_60`: the arithmetic mean of the last n closes, this bar's included.

    SMA_n(t) = (close(t) + close(t-1) + … + close(t-n+1)) / n, with t counted in bars; null until n bars
    exist. In units of the price. Source: Murphy, Technical Analysis of the Financial Markets (1999), ch. 9.

    Args:
        rows: Bars with `ts, is_newest` and `close_price` (double).
        series: The columns that tell one series of bars from another.
    """
    averages = {}
    for bars in SMA_BARS:
        window = _in_time(series).rowsBetween(-(bars - 1), Window.currentRow)
        is_full = F.lag("close_price", bars - 1).over(_in_time(series)).isNotNull()
        averages[f"sma_{bars}"] = F.when(is_full, F.avg("close_price").over(window))
    return rows.withColumns(averages)


def with_price_changes(rows: DataFrame, series: Sequence[str]) -> DataFrame:
    """Adds `change_n` and `change_pct_n` for 1, 5, 15 and 60 bars.

    change_n(t) = close(t) - close(t-n), in units of the price; change_pct_n(t) = 100 · (close(t) / close(t-n) - 1),
    in percent; null until bar t-n exists. Source: simple return, Tsay, Analysis of Financial Time Series (2010), 1.1.

    Args:
        rows: Bars with `ts, is_newest` and `close_price` (double, above zero).
        series: The columns that tell one series of bars from another.
    """
    close = F.col("close_price")
    changes = {}
    for bars in CHANGE_BARS:
        earlier = F.lag("close_price", bars).over(_in_time(series))
        changes[f"change_{bars}"] = close - earlier
        changes[f"change_pct_{bars}"] = (close / earlier - F.lit(1.0)) * F.lit(100.0)
    return rows.withColumns(changes)


def with_affected(rows: DataFrame, series: Sequence[str]) -> DataFrame:
    """Adds `is_affected`: the newest row of a bar whose indicators depend on a changed bar.

    Args:
        rows: Bars with `symbol, ts, is_newest, is_changed`.
        series: The columns that tell one series of bars from another.
    """
    # A running maximum is computed once for each row; a maximum over the last 60 rows, 60 times.
    so_far = _in_time(series).rowsBetween(Window.unboundedPreceding, Window.currentRow)
    number = F.row_number().over(_in_time(series))
    numbered = rows.withColumn("number", number)
    bars_since_changed = F.col("number") - F.max(F.when(F.col("is_changed"), F.col("number"))).over(so_far)
    is_affected = F.col("is_newest") & F.col("symbol").isNotNull() & (bars_since_changed <= REACH)
    return numbered.withColumn("is_affected", F.coalesce(is_affected, F.lit(False))).drop("number")
