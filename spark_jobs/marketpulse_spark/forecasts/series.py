"""What is known of one symbol from one source at a session's close."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Series:
    """The sessions whose price moves are known, in ascending order; the others are left out as if there were none.

    Attributes:
        sessions: Each with the two numbers below.
        variances: Realised variance of regular hours, above zero; of log prices.
        returns: Log return from the last close before to this one, split-adjusted, without dividends.
    """

    sessions: list[dt.date]
    variances: Floats
    returns: Floats

    @property
    def rises(self) -> Floats:
        """1 for each session whose close is above the one before it, else 0."""
        return np.where(self.returns > 0, 1.0, 0.0)


def read_series(rows: pd.DataFrame) -> Series:
    """The series of one symbol from one source.

    Args:
        rows: Columns of `forecast_schemas.SESSION_PRICES`; each session once, in any order.
    """
    rows = rows.sort_values("session")
    prices = zip(rows["open"], rows["closes"], rows["intervals"], strict=True)
    variances = np.array([_variance(*session) for session in prices])
    known = ~np.isnan(variances)
    # Today's shares for each share of the first session: the same between two sessions without a split.
    shares = np.cumprod(rows["split"].to_numpy(dtype=float))[known]
    closes = np.array([closes[-1] for closes in rows["closes"][known]])
    returns = np.log(closes[1:] * (shares[1:] / shares[:-1]) / closes[:-1])
    return Series(list(rows["session"][known])[1:], variances[known][1:], returns)


def realised_variance(prices: Floats) -> float:
    """The sum of squared log returns from one price to the next.

    Source: Andersen, Bollerslev, Diebold and Labys, Modeling and Forecasting Realized Volatility (2003); five minutes
    between prices are hard to beat: Liu, Patton and Sheppard, Does Anything Beat 5-Minute RV? (2015).
    """
    return float(np.square(np.diff(np.log(prices))).sum())


def _variance(opening: float, closes: Floats | None, intervals: int) -> float:
    """The realised variance; nan where the session lacks more than half of its prices, or they stood still."""
    if closes is None or 2 * len(closes) < intervals:
        return math.nan
    return realised_variance(np.concatenate([[opening], closes])) or math.nan
