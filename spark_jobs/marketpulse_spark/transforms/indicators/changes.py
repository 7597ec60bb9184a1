"""Changes of the price: returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, WindowSpec
from pyspark.sql import functions as F

from marketpulse_spark.transforms.windows import ago

_BARS = (1, 5, 15, 60)

COLUMNS = (
    {f"change_{bars}": bars for bars in _BARS} | {f"change_pct_{bars}": bars for bars in _BARS} | {"log_return_1": 1}
)


def steps(ordered: WindowSpec) -> Sequence[Mapping[str, Column]]:
    """`change_n`, `change_pct_n` over 1, 5, 15 and 60 bars, and `log_return_1`.

    change_n(t) = close(t) - close(t-n), in units of the price; change_pct_n(t) = 100 · (close(t) / close(t-n) - 1), in
    percent; log_return_1(t) = ln(close(t) / close(t-1)), a fraction: that of several bars is their sum. Source: simple
    and log return, Tsay, Analysis of Financial Time Series (2010), 1.1.
    """
    close = F.col("close_price")
    earlier = {bars: ago(bars, "close_price", ordered) for bars in _BARS}
    changes = {f"change_{bars}": close - then for bars, then in earlier.items()}
    percent = {f"change_pct_{bars}": (close / then - F.lit(1.0)) * F.lit(100.0) for bars, then in earlier.items()}
    return (changes | percent | {"log_return_1": F.log(close / earlier[1])},)
