"""Value at risk and expected shortfall, on losses that a head can count."""

from __future__ import annotations

import math

import numpy as np
import pytest
from marketpulse_spark.portfolios import risk
from marketpulse_spark.portfolios.history import read_history
from scipy.signal import lfilter
from scipy.stats import norm

from tests.unit.spark_jobs.portfolio_rows import valuations


def test_the_tail_of_losses_that_are_whole_numbers() -> None:
    """Of 249 cases, 95 % of a 250th are at most the 237.5th: 250 times 0.95."""
    gains = -np.random.default_rng(1).permutation(np.arange(1.0, 250.0))
    var, shortfall = risk.tail(gains, 0.95)
    assert var == pytest.approx(237.5)
    assert shortfall == pytest.approx((238 + 249) / 2), "the mean of 238 to 249"
    assert risk.tail(gains, 0.99) == pytest.approx((247.5, 248.5))


def test_gains_alone_put_nothing_at_risk() -> None:
    assert risk.tail(np.linspace(1.0, 2.0, 250), 0.99) == (0.0, 0.0)


def test_without_scenarios_nothing_is_known() -> None:
    assert np.isnan(risk.tail(None, 0.95)).all()


def test_a_normal_distributions_tail() -> None:
    gains = np.random.default_rng(7).normal(0.0, 1000.0, 200_000)
    var, shortfall = risk.tail(gains, 0.99)
    assert var == pytest.approx(1000 * norm.ppf(0.99), rel=0.01)
    assert shortfall == pytest.approx(1000 * norm.pdf(norm.ppf(0.99)) / 0.01, rel=0.01)


def test_simulated_gains_are_of_what_comes_next_not_of_what_was_held() -> None:
    history = read_history(
        valuations(
            {"BENCH": [1, 1, 1], "A": [10, 11, 11], "B": [100, 90, 99]},
            {"A": [5, 5, 5, 20], "B": [7, 7, 7, -1]},
        )
    )
    assert np.isnan(risk.simulated_gains(history)[0])
    # 220 of A and 99 of B sold short.
    assert list(risk.simulated_gains(history)[1:]) == pytest.approx([22 + 9.9, -9.9])


@pytest.mark.parametrize(("method", "sessions"), [("historical", 250), ("filtered", 324)])
def test_scenarios_need_so_many_sessions(method: str, sessions: int) -> None:
    gains = np.random.default_rng(1).normal(size=400)
    assert risk.scenarios(gains[: sessions - 1], method) is None
    found = risk.scenarios(gains[:sessions], method)
    assert found is not None
    assert len(found) == 250
    gains[-sessions] = math.nan
    assert risk.scenarios(gains, method) is None


@pytest.mark.parametrize("method", risk.METHODS)
def test_what_lies_before_the_window_changes_no_bit(method: str) -> None:
    gains = np.random.default_rng(2).normal(size=500)
    found, alone = risk.scenarios(gains, method), risk.scenarios(gains[-324:].copy(), method)
    assert found is not None
    assert alone is not None
    assert found.tobytes() == alone.tobytes()


def test_volatility_is_a_weighted_mean_of_squares() -> None:
    assert risk.forecast_volatilities(np.full(74, -3.0)) == pytest.approx([3.0])
    spike = np.zeros(75)
    spike[73] = 10.0
    weight = 1 / sum(0.94**age for age in range(74))
    # The newest of the first window, the second newest of the second.
    assert risk.forecast_volatilities(spike) == pytest.approx([10 * weight**0.5, 10 * (0.94 * weight) ** 0.5])


def test_a_recursive_filter_says_the_same_of_volatility() -> None:
    """RiskMetrics' recursion never forgets; over 74 sessions the difference is what weighs 1 % in all."""
    gains = np.random.default_rng(3).normal(size=2000)
    recursive = np.sqrt(lfilter([1 - 0.94], [1, -0.94], gains**2))[73:]
    np.testing.assert_allclose(risk.forecast_volatilities(gains)[200:], recursive[200:], rtol=0.05)


def test_filtered_gains_are_those_of_todays_volatility() -> None:
    calm, storm = np.tile([1.0, -1.0], 150), np.tile([5.0, -5.0], 75)
    after_storm = risk.scenarios(np.concatenate([calm, storm]), "filtered")
    assert after_storm is not None
    # 100 calm sessions, seen from a storm, and 150 of the storm: all of about its size once it has lasted.
    assert np.abs(after_storm[:100]) == pytest.approx(np.full(100, 5.0), rel=0.02)
    assert np.abs(after_storm[-50:]) == pytest.approx(np.full(50, 5.0), rel=0.02)
    assert np.abs(after_storm[100]) == pytest.approx(25.0, rel=0.02), "the first blow came out of a calm"


def test_no_volatility_no_filter() -> None:
    gains = np.concatenate([np.zeros(100), np.random.default_rng(4).normal(size=224)])
    assert risk.scenarios(gains, "filtered") is None
