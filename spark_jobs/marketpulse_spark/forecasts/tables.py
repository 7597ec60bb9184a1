"""The rows that one series has in `analytics.forecasts`, for Spark's grouped functions."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd  # type: ignore[import-untyped]

from marketpulse_spark.forecast_schemas import FORECASTS, OUTCOMES
from marketpulse_spark.forecasts import ewma, har, logistic, random_walk
from marketpulse_spark.forecasts.model import LEAST_TRAINING_SESSIONS, MONTH, Forecast
from marketpulse_spark.forecasts.series import Series, read_series
from marketpulse_spark.portfolio_schemas import names

VOLATILITY, DIRECTION = "volatility", "direction"
#: By quantity and name; `random_walk` is the baseline of both.
MODELS: Mapping[tuple[str, str], Callable[[Series], Forecast]] = {
    (VOLATILITY, "random_walk"): random_walk.volatility,
    (VOLATILITY, "ewma"): ewma.volatility,
    (VOLATILITY, "har"): har.volatility,
    (DIRECTION, "random_walk"): random_walk.direction,
    (DIRECTION, "logistic"): logistic.direction,
}
#: All models start together, so that each is scored beside its baseline: a month, and the fewest that follow upon one.
LEAST_SESSIONS = MONTH + LEAST_TRAINING_SESSIONS


def forecast_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """What each model says of the next session; nothing where history is short or the newest session is not known.

    Args:
        rows: As `read_series` wants them, here and below.
    """
    series = read_series(rows)
    if len(series.sessions) < LEAST_SESSIONS or not _is_known(rows, series):
        return pd.DataFrame(columns=names(FORECASTS))
    said = []
    for (quantity, model), forecast in MODELS.items():
        found = forecast(series)
        said.append(
            {
                "quantity": quantity,
                "model": model,
                "for_session": rows["next_session"].iloc[0],
                "value": found.value,
                "training_sessions": found.training_sessions,
                "coefficients": json.dumps(found.coefficients),
            }
        )
    return _frame(rows, said, FORECASTS)


def outcome_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """What the newest session made of the forecasts for it; nothing where it is not known."""
    series = read_series(rows)
    if not _is_known(rows, series):
        return pd.DataFrame(columns=names(OUTCOMES))
    outcomes = {VOLATILITY: math.sqrt(series.variances[-1]), DIRECTION: series.rises[-1]}
    return _frame(rows, [{"quantity": key, "outcome": value} for key, value in outcomes.items()], OUTCOMES)


def _is_known(rows: pd.DataFrame, series: Series) -> bool:
    return series.sessions[-1:] == [rows["session"].max()]


def _frame(rows: pd.DataFrame, found: list[dict[str, Any]], layout: str) -> pd.DataFrame:
    """The rows in their layout, with what tells whose they are."""
    key = {"symbol": rows["symbol"].iloc[0], "source": rows["source"].iloc[0]}
    return pd.DataFrame([key | row for row in found], columns=names(layout))
