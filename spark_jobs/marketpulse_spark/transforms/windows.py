"""Windows over bars: one series in time, and sums of fixed numbers of bars in a fixed order."""

from __future__ import annotations

import functools
import operator
from collections.abc import Sequence

from pyspark.sql import Column, Window, WindowSpec
from pyspark.sql import functions as F


def in_time(series: Sequence[str]) -> WindowSpec:
    """One series in time. Rows of different is_newest share no window: superseded versions move no average."""
    return Window.partitionBy(*series, "is_newest").orderBy("ts")


def ago(bars: int, value: Column | str, ordered: WindowSpec) -> Column:
    """A value so many bars earlier; null where no such bar is."""
    return F.lag(value, bars).over(ordered)


def total(value: Column | str, starts: Sequence[int], ordered: WindowSpec, weight: float = 1.0) -> Column:
    """Adds a value of this bar and those of so many bars earlier, in this order, to the same bits in every batch.

    Each is a bar's own or, for a sum over many bars with few additions, in turn such a sum: 20 bars are 4 times 5.

    Args:
        value: What is added; null where one is not there.
        starts: How many bars earlier each of the others is.
        ordered: One series in time.
        weight: What one bar more of age multiplies a value by.
    """
    here = F.col(value) if isinstance(value, str) else value
    earlier = (ago(start, value, ordered) for start in starts)
    if weight != 1.0:
        earlier = (each * F.lit(weight**start) for each, start in zip(earlier, starts, strict=True))
    return functools.reduce(operator.add, earlier, here)
