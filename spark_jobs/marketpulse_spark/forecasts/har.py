"""Heterogeneous autoregression: volatility of a day, a week and a month, each driven by traders of that horizon."""

from __future__ import annotations

import math

import numpy as np

from marketpulse_spark.forecasts.model import Forecast, cascade, training
from marketpulse_spark.forecasts.series import Series


def volatility(series: Series) -> Forecast:
    """Log variance by least squares on the logs of the mean variances of 1, 5 and 22 sessions.

    The mean of a lognormal variable is exp(μ + σ²/2): the variance of the residuals brings the forecast back from logs,
    in which no coefficients can make it negative. Source: Corsi, A Simple Approximate Long-Memory Model of Realized
    Volatility (2009); in logs: Andersen, Bollerslev and Diebold, Roughing It Up (2007).
    """
    means = np.log(cascade(series.variances))
    features = np.column_stack([np.ones(len(means)), means])
    past, following = training(features, np.log(series.variances))
    fitted = np.linalg.lstsq(past, following, rcond=None)[0]
    spread = float(np.square(following - past @ fitted).sum()) / (len(past) - len(fitted))
    variance = math.exp(float(features[-1] @ fitted) + spread / 2)
    names = ("constant", "day", "week", "month")
    coefficients = dict(zip(names, fitted.tolist(), strict=True)) | {"residual_variance": spread}
    return Forecast(math.sqrt(variance), len(past), coefficients)
