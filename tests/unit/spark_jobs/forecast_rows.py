"""Sessions of a symbol with their prices, as the daily build reads them for forecasts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from marketpulse_spark.forecast_schemas import SESSION_PRICES
from marketpulse_spark.portfolio_schemas import names

FIRST = dt.date(2024, 1, 1)


def day(number: int) -> dt.date:
    """The session `number` sessions after the first."""
    return FIRST + dt.timedelta(days=number)


def prices(count: int, seed: int, intervals: int = 4) -> list[list[float]]:
    """So many sessions of a random walk: the opening, and a price for each interval."""
    steps = np.random.default_rng(seed).normal(0.0, 0.002, (count, intervals + 1))
    walked: list[list[float]] = (100 * np.exp(np.cumsum(steps).reshape(steps.shape))).tolist()
    return walked


def sessions(
    walked: Sequence[Sequence[float] | None],
    *,
    symbol: str = "A",
    intervals: int = 4,
    splits: Mapping[int, float] | None = None,
) -> pd.DataFrame:
    """Rows in the layout `forecast_schemas.SESSION_PRICES`: one for each session.

    Args:
        walked: The opening and the prices of each session; None where nobody traded.
        symbol: Its name.
        intervals: As many prices as a session has when none is missing.
        splits: Number of session to a ratio.
    """
    rows = [
        (
            symbol,
            "a",
            day(number),
            intervals,
            walk[0] if walk else None,
            np.array(walk[1:]) if walk else None,
            None,
            (splits or {}).get(number, 1.0),
            day(len(walked)),
        )
        for number, walk in enumerate(walked)
    ]
    return pd.DataFrame(rows, columns=names(SESSION_PRICES))
