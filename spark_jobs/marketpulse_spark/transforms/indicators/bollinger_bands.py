"""Bollinger bands: where the price is unusually high or low."""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence

from pyspark.sql import Column, WindowSpec
from pyspark.sql import functions as F

from marketpulse_spark.transforms.windows import ago, total

COLUMNS = {"bollinger_upper_20": 19, "bollinger_lower_20": 19}

_DEVIATIONS = 2.0


def steps(ordered: WindowSpec) -> Sequence[Mapping[str, Column]]:
    """`bollinger_upper_20`, `bollinger_lower_20`: sma_20 plus and minus 2 standard deviations, in units of the price.

    BB(t) = SMA_20(t) ± 2 √(Σ (close(t-k) - SMA_20(t))² / 20), for k = 0 … 19: the deviation of the population. Source:
    Bollinger, Bollinger on Bollinger Bands (2001), ch. 7.

    The squares are those of each 5 bars around their own mean, and 5 times those of the 4 means around theirs; either
    way from differences to the newest, so that nothing cancels where a high price hardly moves. Source: Chan, Golub and
    LeVeque, Algorithms for Computing the Sample Variance, The American Statistician 37 (1983).
    """
    close, sum_5 = F.col("close_price"), F.col("sum_5")
    within = _squares([ago(bars, close, ordered) - close for bars in range(1, 5)])
    between = _squares([ago(bars, sum_5, ordered) - sum_5 for bars in range(5, 20, 5)]) / F.lit(5.0)
    deviation = F.sqrt(F.col("squares_20") / F.lit(20.0)) * F.lit(_DEVIATIONS)
    mean = F.col("sum_20") / F.lit(20.0)
    return (
        {"squares_5": within},
        {"squares_20": total("squares_5", range(5, 20, 5), ordered) + between},
        {"bollinger_upper_20": mean + deviation, "bollinger_lower_20": mean - deviation},
    )


def _squares(differences: Sequence[Column]) -> Column:
    """The sum of squares around the mean of values, from the differences of all but one of them to that one."""
    summed = functools.reduce(operator.add, differences)
    squared = functools.reduce(operator.add, (each * each for each in differences))
    return squared - summed * summed / F.lit(len(differences) + 1.0)
