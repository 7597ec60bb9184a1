"""Moving averages: what a share cost lately, in units of the price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, WindowSpec
from pyspark.sql import functions as F

from marketpulse_spark.transforms.windows import total

#: Each a multiple of the one before it.
_SMA = (5, 20, 60)
_EMA = (12, 26)
_EMA_BARS = 60

COLUMNS = {f"sma_{bars}": bars - 1 for bars in _SMA} | {f"ema_{span}": _EMA_BARS - 1 for span in _EMA}


def steps(ordered: WindowSpec) -> Sequence[Mapping[str, Column]]:
    """`sma_5`, `sma_20`, `sma_60`: the arithmetic mean of the last n closes, this bar's included.

    SMA_n(t) = (close(t) + close(t-1) + … + close(t-n+1)) / n, with t counted in bars. Source: Murphy, Technical
    Analysis of the Financial Markets (1999), ch. 9.

    `ema_12`, `ema_26`: the exponentially weighted mean of the last 60 closes.

    EMA_n(t) = Σ w^k close(t-k) / Σ w^k, for k = 0 … 59, with w = 1 - 2 / (n+1). Source: Murphy, ch. 9, whose sum has no
    end: what lies behind the 60th bar would weigh 0.00004 (n = 12) and 0.01 (n = 26) of the whole; leaving it out, and
    dividing by the weights that are there, makes the value independent of where a series begins.

    The sums are nested, 20 bars being 4 times 5 and 60 being 3 times 20: 9 additions for each bar in place of 82.
    """
    weights = {"sum": 1.0} | {f"weighted_{span}": _weight(span) for span in _EMA}
    fives = {f"{name}_5": total("close_price", range(1, 5), ordered, weight) for name, weight in weights.items()}
    twenties = {f"{name}_20": total(f"{name}_5", range(5, 20, 5), ordered, weight) for name, weight in weights.items()}
    sixties = {
        f"{name}_60": total(f"{name}_20", range(20, 60, 20), ordered, weight) for name, weight in weights.items()
    }
    means = {f"sma_{bars}": F.col(f"sum_{bars}") / F.lit(float(bars)) for bars in _SMA}
    weighted_means = {f"ema_{span}": F.col(f"weighted_{span}_60") / F.lit(_sum_of_weights(span)) for span in _EMA}
    return fives, twenties, sixties, means | weighted_means


def _weight(span: int) -> float:
    return 1 - 2 / (span + 1)


def _sum_of_weights(span: int) -> float:
    """Σ w^k for k = 0 … 59, a geometric series."""
    return (1 - _weight(span) ** _EMA_BARS) / (1 - _weight(span))
