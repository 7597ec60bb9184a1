"""Bars of many sessions of one series, as the detection of anomalies reads them."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from marketpulse_spark.anomaly_schemas import BARS

FIRST = dt.date(2024, 1, 1)
MINUTES = 60
PRICES = ["open", "high", "low", "close"]
COLUMNS = [column.split()[0] for column in BARS.split(",")]


def at(session: int | np.integer[Any], minute: int | np.integer[Any]) -> pd.Timestamp:
    """The start of a bar."""
    return pd.Timestamp(FIRST) + pd.Timedelta(days=int(session), hours=14, minutes=30 + int(minute))


def market(sessions: int = 21, seed: int = 1, symbol: str = "IBM", wanted: int = 1) -> pd.DataFrame:
    """A random walk in cents, of sessions of 60 minutes, without any anomaly; the last ones are wanted."""
    generator = np.random.default_rng(seed)
    count = sessions * MINUTES
    closes = 100 * np.exp(np.cumsum(generator.normal(0, 0.0008, count)))
    opens = np.append(100.0, closes[:-1])
    wick = np.abs(generator.normal(0, 0.0004, (2, count)))
    session = np.repeat(np.arange(sessions), MINUTES)
    minute = np.tile(np.arange(MINUTES), sessions)
    rows = pd.DataFrame(
        {
            "symbol": symbol,
            "source": "a",
            "session": [FIRST + dt.timedelta(days=int(number)) for number in session],
            "number": session,
            "is_wanted": session >= sessions - wanted,
            "opens_at": [at(number, 0) for number in session],
            "closes_at": [at(number, MINUTES) for number in session],
            "split": 1.0,
            "tick": 0.01,
            "ts": [at(*place) for place in zip(session, minute, strict=True)],
            "open": opens,
            "high": np.maximum(opens, closes) * (1 + wick[0]),
            "low": np.minimum(opens, closes) * (1 - wick[1]),
            "close": closes,
            "volume": np.round(1000 * np.exp(generator.normal(0, 0.5, count))),
        },
        columns=COLUMNS,
    )
    rows[PRICES] = rows[PRICES].round(2)
    return rows


def place(rows: pd.DataFrame, session: int, minute: int) -> int:
    """The row of a bar."""
    return int(rows.index[rows["ts"] == at(session, minute)][0])


def scale(rows: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp, factor: float) -> pd.DataFrame:
    """The rows with all prices multiplied from one bar to another."""
    scaled = rows.copy()
    scaled.loc[scaled["ts"].between(first, last), PRICES] *= factor
    return scaled


def stick(rows: pd.DataFrame, session: int, first: int, count: int) -> pd.DataFrame:
    """The rows with so many bars in a row that repeat the close before."""
    stuck = rows.copy()
    start = place(rows, session, first)
    stuck.loc[start : start + count - 1, PRICES] = stuck["close"][start - 1]
    return stuck
