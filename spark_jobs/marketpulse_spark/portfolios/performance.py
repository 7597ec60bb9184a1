"""Volatility, beta, Sharpe ratio, drawdowns and correlations, each over a fixed number of sessions.

All are nan until their window is full: a window that lacks one value has none.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from marketpulse_spark.portfolios.history import Floats

VOLATILITY_SESSIONS = (21, 63)
#: A quarter: of beta, the Sharpe ratio and correlations.
QUARTER_SESSIONS = 63
#: A year of an exchange: of drawdowns.
YEAR_SESSIONS = 252


def window(values: Floats, sessions: int) -> Floats | None:
    """The newest values, first axis; None when there are fewer or one of them is nan."""
    newest = values[-sessions:]
    return newest if len(newest) == sessions and not np.isnan(newest).any() else None


def volatility(returns: Floats, sessions: int, sessions_per_year: int) -> float:
    """Sample standard deviation of the newest simple returns, times the root of the sessions of a year; a fraction.

    Source: Hull, Options, Futures, and Other Derivatives (2018), 15.4, there of log returns.
    """
    newest = window(returns, sessions)
    return math.nan if newest is None else float(np.std(newest, ddof=1)) * math.sqrt(sessions_per_year)


def beta(returns: Floats, benchmark_returns: Floats) -> float:
    """Slope of the regression of 63 returns on the benchmark's: covariance by the benchmark's variance.

    nan where the benchmark did not move. Source: Sharpe, Capital Asset Prices (1964).
    """
    pairs = window(np.column_stack([benchmark_returns, returns]), QUARTER_SESSIONS)
    if pairs is None or np.ptp(pairs[:, 0]) == 0:
        return math.nan
    return float(stats.linregress(pairs[:, 0], pairs[:, 1]).slope)


def sharpe(returns: Floats, sessions_per_year: int) -> float:
    """Mean of 63 returns by their sample standard deviation, times the root of the sessions of a year.

    The risk-free rate is taken as zero. nan where the returns do not vary. Source: Sharpe, The Sharpe Ratio (1994).
    """
    newest = window(returns, QUARTER_SESSIONS)
    if newest is None or np.ptp(newest) == 0:
        return math.nan
    return float(np.mean(newest) / np.std(newest, ddof=1)) * math.sqrt(sessions_per_year)


def drawdowns(returns: Floats) -> tuple[float, float]:
    """Today's and the deepest drawdown of 252 sessions: wealth by its highest level so far, less 1; zero or negative.

    The level at which the window starts counts, too. Source: Bacon, Practical Portfolio Performance Measurement and
    Attribution (2008), ch. 4.
    """
    newest = window(returns, YEAR_SESSIONS)
    if newest is None:
        return math.nan, math.nan
    wealth = np.concatenate([[1.0], np.cumprod(1.0 + newest)])
    below = wealth / np.maximum.accumulate(wealth) - 1.0
    return float(below[-1]), float(below.min())


def correlations(returns: Floats) -> Floats:
    """Pearson's correlation of 63 returns of each symbol with those of each other; symbols by symbols.

    nan for a symbol whose returns are not known or did not vary. Source: Tsay, Analysis of Financial Time Series
    (2010), 1.2.
    """
    symbols = returns.shape[1]
    found = np.full((symbols, symbols), math.nan)
    newest = [window(returns[:, symbol], QUARTER_SESSIONS) for symbol in range(symbols)]
    varying = [place for place, values in enumerate(newest) if values is not None and np.ptp(values) > 0]
    if len(varying) > 1:
        found[np.ix_(varying, varying)] = np.corrcoef([newest[place] for place in varying])
    return found
