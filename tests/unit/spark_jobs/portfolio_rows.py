"""Rows of a portfolio's history, as the daily build reads them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from marketpulse_spark.portfolio_schemas import VALUATIONS, names

FIRST = dt.date(2024, 1, 1)


def day(number: int) -> dt.date:
    """The session `number` sessions after the first."""
    return FIRST + dt.timedelta(days=number)


def valuations(
    closes: Mapping[str, Sequence[float | None]],
    shares: Mapping[str, float | Sequence[float]],
    *,
    cash: float | Sequence[float] = 0.0,
    benchmark: str = "BENCH",
    splits: Mapping[tuple[str, int], float] | None = None,
    dividends: Mapping[tuple[str, int], float] | None = None,
    portfolio: str = "mine",
    sessions_per_year: int = 252,
) -> pd.DataFrame:
    """Rows in the layout `portfolio_schemas.VALUATIONS`: one for each session and symbol, the next session's included.

    Args:
        closes: Symbol to its close of each session; None where nobody traded.
        shares: Symbol to its shares, in all sessions or in each, the next one's last; 0 where left out.
        cash: In all sessions or in each.
        benchmark: One of the symbols.
        splits: Symbol and number of session to a ratio.
        dividends: Symbol and number of session to an amount.
        portfolio: Its id.
        sessions_per_year: Of its calendar.
    """
    count = len(next(iter(closes.values())))
    rows: list[dict[str, Any]] = []
    for number in range(count + 1):
        for symbol, prices in closes.items():
            held = shares.get(symbol, 0.0)
            rows.append(
                {
                    "portfolio": portfolio,
                    "session": day(number),
                    "symbol": symbol,
                    "is_benchmark": symbol == benchmark,
                    "sessions_per_year": sessions_per_year,
                    "shares": float(held if isinstance(held, int | float) else held[number]),
                    "cash": float(cash if isinstance(cash, int | float) else cash[min(number, count - 1)]),
                    "close": prices[number] if number < count else None,
                    "priced_at": None,
                    "split": (splits or {}).get((symbol, number), 1.0),
                    "dividend": (dividends or {}).get((symbol, number), 0.0),
                }
            )
    return pd.DataFrame(rows, columns=names(VALUATIONS))


def walk(count: int, seed: int, deviation: float = 0.01, start: float = 100.0) -> list[float]:
    """Closes whose returns are independent and normal."""
    returns = np.random.default_rng(seed).normal(0.0003, deviation, count)
    return [float(price) for price in start * np.cumprod(1.0 + returns)]
