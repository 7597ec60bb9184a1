"""The true range: how far the price moved within a bar and since the one before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, WindowSpec
from pyspark.sql import functions as F

from marketpulse_spark.transforms.windows import ago, total

COLUMNS = {"atr_14": 14}


def steps(ordered: WindowSpec) -> Sequence[Mapping[str, Column]]:
    """`atr_14`: the arithmetic mean of the last 14 true ranges, in units of the price.

    ATR(t) = (TR(t) + TR(t-1) + … + TR(t-13)) / 14, TR(t) = max(high(t), close(t-1)) - min(low(t), close(t-1)). Source:
    Wilder, New Concepts in Technical Trading Systems (1978), ch. 3, who goes on to smooth it without end; the mean is
    how he begins, and has an end.
    """
    before = ago(1, "close_price", ordered)
    true_range = F.greatest("high_price", before) - F.least("low_price", before)
    return (
        # greatest and least would pass over a bar before that is not there.
        {"true_range": F.when(before.isNotNull(), true_range)},
        {"true_ranges_7": total("true_range", range(1, 7), ordered)},
        {"atr_14": total("true_ranges_7", [7], ordered) / F.lit(14.0)},
    )
