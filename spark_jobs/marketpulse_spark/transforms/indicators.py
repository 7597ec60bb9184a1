"""Moving averages and price changes over one-minute bars.

Every window is a fixed number of bars, never of minutes: a minute without trades is no bar. Values are
computed from a bar's neighbours alone, in a fixed order, so they come out identical to the last bit
whether bars arrive live, in one load, or in any other order. Closes are in the shares of the bar whose
window they are in (docs/adr/0007).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

from pyspark.sql import DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

#: Each a multiple of the one before it.
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

    The sums are nested, 20 bars being 4 times 5 and 60 being 3 times 20: 9 additions for each bar in place of 82.

    Args:
        rows: Bars with `ts, is_newest` and `close_price` (double).
        series: The columns that tell one series of bars from another.
    """
    in_time = _in_time(series)
    part, part_bars = "close_price", 1
    for bars in SMA_BARS:
        earlier = [F.lag(part, start).over(in_time) for start in range(part_bars, bars, part_bars)]
        rows = rows.withColumn(f"sum_{bars}", functools.reduce(operator.add, earlier, F.col(part)))
        part, part_bars = f"sum_{bars}", bars
    return rows.withColumns({f"sma_{bars}": F.col(f"sum_{bars}") / F.lit(float(bars)) for bars in SMA_BARS})


def with_price_changes(rows: DataFrame, series: Sequence[str]) -> DataFrame:
    """Adds `change_n` and `change_pct_n` for 1, 5, 15 and 60 bars.

    change_n(t) = close(t) - close(t-n), in units of the price; change_pct_n(t) = 100 · (close(t) / close(t-n) - 1),
    in percent; null until bar t-n exists. Source: simple return, Tsay, Analysis of Financial Time Series (2010), 1.1.

    Args:
        rows: Bars with `ts, is_newest` and `close_price` (double, above zero).
        series: The columns that tell one series of bars from another.
    """
    in_time = _in_time(series)
    close = F.col("close_price")
    changes = {}
    for bars in CHANGE_BARS:
        earlier = F.lag("close_price", bars).over(in_time)
        changes[f"change_{bars}"] = close - earlier
        changes[f"change_pct_{bars}"] = (close / earlier - F.lit(1.0)) * F.lit(100.0)
    return rows.withColumns(changes)


def with_affected(rows: DataFrame, series: Sequence[str]) -> DataFrame:
    """Adds `is_affected`: the newest row of a bar whose indicators depend on a changed bar.

    Args:
        rows: Bars with `ts, is_newest, is_changed`.
        series: The columns that tell one series of bars from another.
    """
    # A running maximum is computed once for each row; a maximum over the last 60 rows, 60 times.
    in_time = _in_time(series)
    so_far = in_time.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    number = F.row_number().over(in_time)
    numbered = rows.withColumn("number", number)
    bars_since_changed = F.col("number") - F.max(F.when(F.col("is_changed"), F.col("number"))).over(so_far)
    is_affected = F.col("is_newest") & (bars_since_changed <= REACH)
    return numbered.withColumn("is_affected", F.coalesce(is_affected, F.lit(False))).drop("number")
