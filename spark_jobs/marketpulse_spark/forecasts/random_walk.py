"""The baseline: the simplest rival, which every other model is held against."""

from __future__ import annotations

import math

from marketpulse_spark.forecasts.model import MONTH, TRAINING_SESSIONS, Forecast
from marketpulse_spark.forecasts.series import Series


def volatility(series: Series) -> Forecast:
    """The next session will be as this one was: the last value."""
    return Forecast(math.sqrt(series.variances[-1]), 1)


def direction(series: Series) -> Forecast:
    """Prices are a random walk, of which nothing can be known but its drift: the share of sessions that rose.

    With Laplace's rule of succession, so that nothing is impossible: (rises + 1) / (sessions + 2).
    """
    rises = series.rises[MONTH:][-TRAINING_SESSIONS:]
    return Forecast(float((rises.sum() + 1) / (len(rises) + 2)), len(rises))
