"""What a model returns, and which sessions it learns from."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from marketpulse_spark.forecasts.series import Floats

#: A model learns from the newest 250 sessions, about a year of an exchange; below 100 nothing is forecast.
TRAINING_SESSIONS, LEAST_TRAINING_SESSIONS = 250, 100
#: A day, a week and a month of an exchange: the horizons of Corsi (2009), see `har`.
HORIZONS = (1, 5, 22)
MONTH = HORIZONS[-1]


@dataclass(frozen=True)
class Forecast:
    """What a model says of the next session.

    Attributes:
        value: The volatility, a fraction; or the probability that the close rises.
        training_sessions: How many sessions it follows from.
        coefficients: What was fitted to them, by name.
    """

    value: float
    training_sessions: int
    coefficients: dict[str, float] = field(default_factory=dict)


def cascade(values: Floats) -> Floats:
    """The means over each of the horizons up to each session from the 22nd on; sessions by horizons."""
    windows = np.lib.stride_tricks.sliding_window_view(values, MONTH)
    return np.column_stack([windows[:, -horizon:].mean(axis=1) for horizon in HORIZONS])


def training(features: Floats, values: Floats) -> tuple[Floats, Floats]:
    """The newest sessions that have a next one: their features, and that next one's values.

    Args:
        features: Of each session from the 22nd on, the last one included, of which no next one is known.
        values: Of each session.
    """
    return features[:-1][-TRAINING_SESSIONS:], values[MONTH:][-TRAINING_SESSIONS:]
