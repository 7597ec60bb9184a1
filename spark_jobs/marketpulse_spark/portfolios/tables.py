"""The rows that one portfolio has in each table of `analytics`, for Spark's grouped functions."""

from __future__ import annotations

from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]

from marketpulse_spark.portfolio_schemas import BACKTESTS, CORRELATIONS, DAILY, POSITIONS, RISK, names
from marketpulse_spark.portfolios import backtests, performance, risk
from marketpulse_spark.portfolios.history import Floats, History, read_history


def daily_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """One row of `analytics.portfolio_daily`; `rows` as `read_history` wants them, here and below."""
    history = read_history(rows)
    returns, year = history.portfolio_returns, history.sessions_per_year
    drawdown, max_drawdown = performance.drawdowns(returns)
    measured = {
        "nav": history.nav[-1],
        "cash": history.cash[-1],
        "pnl": history.pnl[-1],
        "session_return": returns[-1],
        "benchmark_return": history.benchmark_returns[-1],
        "gross_exposure": np.abs(history.values[-1]).sum(),
        "net_exposure": history.values[-1].sum(),
        **{
            f"volatility_{sessions}": performance.volatility(returns, sessions, year)
            for sessions in performance.VOLATILITY_SESSIONS
        },
        "beta_63": performance.beta(returns, history.benchmark_returns),
        "sharpe_63": performance.sharpe(returns, year),
        "drawdown_252": drawdown,
        "max_drawdown_252": max_drawdown,
    }
    return _frame(rows, history, [measured], DAILY)


def position_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """A row of `analytics.portfolio_positions` for each symbol that is held."""
    history = read_history(rows)
    nav = history.nav[-1]
    held = [
        {
            "symbol": history.symbols[place],
            "shares": history.shares[-1, place],
            "price": history.prices[-1, place],
            "priced_on": _priced_on(history, place),
            "value": history.values[-1, place],
            "weight": history.values[-1, place] / nav if nav > 0 else np.nan,
            "pnl": history.gains[-1, place],
        }
        for place in _held(history.shares[-1])
    ]
    return _frame(rows, history, held, POSITIONS)


def correlation_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """A row of `analytics.portfolio_correlations` for each pair of symbols that are held."""
    history = read_history(rows)
    found = performance.correlations(history.returns)
    pairs = [
        {"symbol": history.symbols[one], "other_symbol": history.symbols[other], "correlation": found[one, other]}
        for one, other in combinations(_held(history.shares[-1]), 2)
    ]
    return _frame(rows, history, pairs, CORRELATIONS)


def risk_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of `analytics.portfolio_risk`: what may be lost in the next session, by each method."""
    history = read_history(rows)
    gains = risk.simulated_gains(history)
    expected = []
    for method, confidence in product(risk.METHODS, risk.CONFIDENCES):
        value_at_risk, shortfall = risk.tail(risk.scenarios(gains, method), confidence)
        expected.append(
            {
                "method": method,
                "confidence": confidence,
                "for_session": history.next_session,
                "value_at_risk": value_at_risk,
                "expected_shortfall": shortfall,
            }
        )
    return _frame(rows, history, expected, RISK)


def backtest_rows(rows: pd.DataFrame, outcomes: pd.DataFrame) -> pd.DataFrame:
    """The rows of `analytics.var_backtests`: how the forecasts of each method have done.

    Args:
        rows: As above; none for a portfolio that only has outcomes.
        outcomes: Columns of `portfolio_schemas.OUTCOMES`: what was forecast and what came of it. The outcome of the
            session itself is not among them: it follows from `rows`.
    """
    if rows.empty:
        return pd.DataFrame(columns=names(BACKTESTS))
    history = read_history(rows)
    is_today = outcomes["for_session"] == history.sessions[-1]
    known = outcomes.assign(pnl=outcomes["pnl"].mask(is_today, history.pnl[-1])).dropna(subset="pnl")
    tested = []
    for method, confidence in product(risk.METHODS, risk.CONFIDENCES):
        kind = known[(known["method"] == method) & (known["confidence"] == confidence)]
        newest = kind.sort_values("for_session").tail(backtests.OBSERVATIONS)
        exceeded = (-newest["pnl"] > newest["value_at_risk"]).to_numpy(dtype=bool)
        tested.append({"method": method, "confidence": confidence, **_tested(exceeded, confidence)})
    return _frame(rows, history, tested, BACKTESTS)


def _tested(exceeded: np.ndarray[Any, np.dtype[np.bool_]], confidence: float) -> dict[str, float | int]:
    counts: dict[str, float | int] = {"observations": len(exceeded), "exceedances": int(exceeded.sum())}
    if len(exceeded) < backtests.OBSERVATIONS:
        return counts
    likelihoods = {
        "kupiec": backtests.kupiec(exceeded, confidence),
        "independence": backtests.independence(exceeded),
        "coverage": backtests.conditional_coverage(exceeded, confidence),
    }
    return counts | {
        f"{name}_{what}": value
        for name, found in likelihoods.items()
        for what, value in (("lr", found.ratio), ("p", found.p_value))
    }


def _held(shares: Floats) -> list[int]:
    return [int(place) for place in np.flatnonzero(shares)]


def _priced_on(history: History, place: int) -> Any:
    age = int(history.ages[-1, place])
    return None if np.isnan(history.prices[-1, place]) else history.sessions[-1 - age]


def _frame(rows: pd.DataFrame, history: History, measured: list[dict[str, Any]], layout: str) -> pd.DataFrame:
    """The rows in their layout, with what tells whose they are."""
    key = {"portfolio": rows["portfolio"].iloc[0], "session": history.sessions[-1]}
    return pd.DataFrame([key | row for row in measured], columns=names(layout))
