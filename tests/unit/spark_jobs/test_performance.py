"""Volatility, beta, Sharpe ratio, drawdowns and correlations: by hand, by another library, over short history."""

from __future__ import annotations

import math

import empyrical
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from marketpulse_spark.portfolios import performance
from marketpulse_spark.portfolios.history import Floats


def returns(count: int, seed: int = 1) -> Floats:
    return np.random.default_rng(seed).normal(0.0005, 0.012, count)


def alternating(high: float, low: float, count: int) -> Floats:
    """Two returns in turn."""
    return np.array([high, low] * count)[:count]


def test_volatility_by_hand() -> None:
    # Deviations of 0.01 from a mean of zero but for the last: 20 · 0.0001 / 20 and a little less for the odd one.
    seen = np.append(alternating(0.01, -0.01, 20), 0.0)
    assert performance.volatility(seen, 21, 252) == pytest.approx(0.01 * math.sqrt(252), rel=1e-12)


def test_beta_by_hand() -> None:
    market = alternating(0.01, -0.01, 63)
    assert performance.beta(2 * market + 0.001, market) == pytest.approx(2.0, rel=1e-12)
    assert performance.beta(-market, market) == pytest.approx(-1.0, rel=1e-12)


def test_sharpe_by_hand() -> None:
    seen = np.append(alternating(0.03, -0.01, 62), 0.01)
    # A mean of 0.01, and 62 deviations of 0.02: a variance of 0.0004.
    assert performance.sharpe(seen, 252) == pytest.approx(0.5 * math.sqrt(252), rel=1e-12)


def test_drawdowns_by_hand() -> None:
    seen = np.zeros(252)
    seen[[10, 20, 30]] = [-0.5, 0.5, 0.2]
    # 1 to 0.5 to 0.75 to 0.9.
    assert performance.drawdowns(seen) == pytest.approx((-0.1, -0.5))
    assert performance.drawdowns(np.full(252, 0.01)) == (0.0, 0.0)
    fallen_at_once = np.append(-0.2, np.zeros(251))
    assert performance.drawdowns(fallen_at_once) == pytest.approx((-0.2, -0.2))


def test_another_library_says_the_same() -> None:
    mine, market = returns(400, 1), returns(400, 2) + 0.5 * returns(400, 1)
    for sessions in performance.VOLATILITY_SESSIONS:
        wanted = empyrical.annual_volatility(mine[-sessions:])
        assert performance.volatility(mine, sessions, 252) == pytest.approx(wanted, rel=1e-9)
    assert performance.beta(mine, market) == pytest.approx(empyrical.beta(mine[-63:], market[-63:]), rel=1e-9)
    assert performance.sharpe(mine, 252) == pytest.approx(empyrical.sharpe_ratio(mine[-63:]), rel=1e-9)
    assert performance.sharpe(mine, 365) == pytest.approx(
        empyrical.sharpe_ratio(mine[-63:], annualization=365), rel=1e-9
    )
    assert performance.drawdowns(mine)[1] == pytest.approx(empyrical.max_drawdown(mine[-252:]), rel=1e-9)


def test_pandas_says_the_same_of_correlations() -> None:
    seen = np.column_stack([returns(80, seed) for seed in range(4)])
    seen[:, 3] += seen[:, 0]
    np.testing.assert_allclose(
        performance.correlations(seen), pd.DataFrame(seen[-63:]).corr().to_numpy(), rtol=1e-9, atol=1e-12
    )


def test_nothing_is_said_before_the_window_is_full() -> None:
    for sessions in performance.VOLATILITY_SESSIONS:
        assert math.isnan(performance.volatility(returns(sessions - 1), sessions, 252))
        assert not math.isnan(performance.volatility(returns(sessions), sessions, 252))
    assert math.isnan(performance.beta(returns(62), returns(62, 2)))
    assert math.isnan(performance.sharpe(returns(62), 252))
    assert np.isnan(performance.drawdowns(returns(251))).all()
    assert np.isnan(performance.correlations(returns(62).reshape(-1, 1))).all()


def test_a_window_that_lacks_a_value_has_none() -> None:
    seen = returns(100)
    seen[-40] = math.nan
    assert math.isnan(performance.volatility(seen, 63, 252))
    assert not math.isnan(performance.volatility(seen, 21, 252))
    assert math.isnan(performance.beta(returns(100), seen))
    found = performance.correlations(np.column_stack([seen, returns(100, 2), returns(100, 3)]))
    assert np.isnan(found[0]).all()
    assert found[1, 2] == pytest.approx(np.corrcoef(returns(100, 2)[-63:], returns(100, 3)[-63:])[0, 1])


def test_what_does_not_vary_has_neither_ratio_nor_correlation() -> None:
    flat = np.zeros(63)
    assert performance.volatility(flat, 63, 252) == 0
    assert math.isnan(performance.sharpe(flat, 252))
    assert math.isnan(performance.beta(returns(63), flat))
    assert np.isnan(performance.correlations(np.column_stack([flat, returns(63)]))[0, 1])


def test_what_lies_before_the_window_changes_no_bit() -> None:
    seen = returns(400)
    other = np.concatenate([returns(100, 9), seen[-252:]])
    assert performance.drawdowns(seen) == performance.drawdowns(other)
    assert performance.volatility(seen, 63, 252) == performance.volatility(other, 63, 252)
    assert performance.sharpe(seen, 252) == performance.sharpe(other, 252)
