"""Realised volatility: how much the price moved, whichever way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, WindowSpec
from pyspark.sql import functions as F

from marketpulse_spark.transforms.windows import total

COLUMNS = {"realised_volatility_60": 60}


def steps(ordered: WindowSpec) -> Sequence[Mapping[str, Column]]:
    """`realised_volatility_60`: the square root of the sum of the last 60 squared log returns, a fraction.

    RV(t) = √(r(t)² + r(t-1)² + … + r(t-59)²), with r(t) = ln(close(t) / close(t-1)); of 60 bars, not annualised.
    Source: Andersen and Bollerslev, Answering the Skeptics: Yes, Standard Volatility Models Do Provide Accurate
    Forecasts, International Economic Review 39 (1998).
    """
    squared = F.col("log_return_1") * F.col("log_return_1")
    return (
        {},
        {"squared_returns_10": total(squared, range(1, 10), ordered)},
        {"squared_returns_60": total("squared_returns_10", range(10, 60, 10), ordered)},
        {"realised_volatility_60": F.sqrt("squared_returns_60")},
    )
