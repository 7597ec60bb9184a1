"""What a portfolio held and what it was worth, session by session."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray

Floats = NDArray[np.float64]

#: For so many sessions without a trade the last price still counts.
CARRIED_SESSIONS = 5


@dataclass(frozen=True)
class History:
    """Sessions in ascending order, by symbols in alphabetical order; nan stands for what is not known.

    Attributes:
        sessions: The last one is the session that numbers are made of.
        next_session: The one after it.
        symbols: What is held or was, and the benchmark.
        sessions_per_year: Of the portfolio's calendar.
        shares: As counted at each close, 0 where nothing is held; sessions by symbols.
        prices: At each close, or at the last one before where nobody traded; sessions by symbols.
        ages: How many sessions ago that was.
        returns: Simple returns since the close before, dividends included; sessions by symbols, the first nan.
        gains: What each position gained since the close before, dividends included; sessions by symbols, the first nan.
        cash: Sessions; nan before the first holdings.
        benchmark_returns: Sessions.
        next_exposures: Value at the last close of what the next session is entered with; symbols, 0 where nothing is.
    """

    sessions: list[dt.date]
    next_session: dt.date
    symbols: list[str]
    sessions_per_year: int
    shares: Floats
    prices: Floats
    ages: NDArray[np.int64]
    returns: Floats
    gains: Floats
    cash: Floats
    benchmark_returns: Floats
    next_exposures: Floats

    @property
    def values(self) -> Floats:
        """What each position is worth at each close; sessions by symbols."""
        return _of_held(self.shares, self.shares * self.prices)

    @property
    def nav(self) -> Floats:
        """Net asset value: all positions and cash; sessions. nan while something held has no price."""
        nav: Floats = self.values.sum(axis=1) + self.cash
        return nav

    @property
    def pnl(self) -> Floats:
        """Profit and loss of what each session was entered with; sessions, the first nan."""
        pnl: Floats = self.gains.sum(axis=1)
        return pnl

    @property
    def portfolio_returns(self) -> Floats:
        """Pnl by the value that the session was entered with (nav - pnl); nan where that is not above zero.

        Changes of the holdings happen at the close before, so the returns are time-weighted. Source: Bacon, Practical
        Portfolio Performance Measurement and Attribution (2008), ch. 2.
        """
        entered_with = self.nav - self.pnl
        return np.divide(self.pnl, entered_with, out=np.full_like(entered_with, np.nan), where=entered_with > 0)


def read_history(rows: pd.DataFrame) -> History:
    """The history of one portfolio.

    Args:
        rows: Columns of `portfolio_schemas.VALUATIONS`; each session with each symbol once, in any order, the next
            session's included.
    """
    wide = rows.pivot(index="session", columns="symbol")

    def matrix(name: str) -> Floats:
        # Row by row in memory, so that a sum over symbols has one order.
        return np.ascontiguousarray(wide[name].to_numpy(dtype=float))

    splits, shares = matrix("split"), matrix("shares")
    prices, ages = _carried(matrix("close")[:-1], splits[:-1])
    # In the shares of the close after.
    before = prices[:-1] / splits[1:-1]
    changes = prices[1:] + matrix("dividend")[1:-1] - before
    unknown = np.full((1, prices.shape[1]), np.nan)
    returns = np.vstack([unknown, changes / before])
    symbols = list(wide["close"].columns)
    first = rows.iloc[0]
    return History(
        sessions=list(wide.index[:-1]),
        next_session=wide.index[-1],
        symbols=symbols,
        sessions_per_year=int(first["sessions_per_year"]),
        shares=shares[:-1],
        prices=prices,
        ages=ages,
        returns=returns,
        gains=np.vstack([unknown, _of_held(shares[1:-1], shares[1:-1] * changes)]),
        cash=matrix("cash")[:-1, 0],
        benchmark_returns=returns[:, symbols.index(rows.loc[rows["is_benchmark"], "symbol"].iloc[0])],
        next_exposures=_of_held(shares[-1], shares[-1] * prices[-1] / splits[-1]),
    )


def _of_held(shares: Floats, amounts: Floats) -> Floats:
    """The amounts, and 0 where nothing is held: there a price that is not known does not matter."""
    return np.where(shares == 0, 0.0, amounts)


def _carried(closes: Floats, splits: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Closes, each gap filled with the close before it in today's shares; and how many sessions old each is."""
    prices = closes.copy()
    ages = np.zeros(closes.shape, dtype=np.int64)
    for session in range(1, len(closes)):
        missing = np.isnan(closes[session])
        ages[session] = np.where(missing, ages[session - 1] + 1, 0)
        carried = prices[session - 1] / splits[session]
        prices[session] = np.where(missing & (ages[session] <= CARRIED_SESSIONS), carried, closes[session])
    return prices, ages
