"""Exponentially weighted moving average of realised variances, cut after 74 sessions."""

from __future__ import annotations

import math

import numpy as np

from marketpulse_spark.forecasts.model import Forecast
from marketpulse_spark.forecasts.series import Series
from marketpulse_spark.portfolios.risk import DECAY, DECAY_SESSIONS


def volatility(series: Series) -> Forecast:
    """The root of the weighted mean of 74 variances, 0.94 to the power of age.

    Source: J.P. Morgan/Reuters, RiskMetrics Technical Document (1996), 5.2, there of squared daily returns.
    """
    weights = DECAY ** np.arange(DECAY_SESSIONS - 1, -1, -1.0)
    variance = (series.variances[-DECAY_SESSIONS:] * (weights / weights.sum())).sum()
    return Forecast(math.sqrt(variance), DECAY_SESSIONS, {"decay": DECAY})
