"""Back-tests: published acceptance regions, likelihoods by hand, and models that are right or wrong."""

from __future__ import annotations

import math

import numpy as np
import pytest
from marketpulse_spark.portfolios import backtests, risk
from marketpulse_spark.portfolios.history import Floats
from numpy.typing import NDArray
from scipy.stats import binom

FORECASTS = 1000


def with_exceedances(count: int, exceedances: int) -> NDArray[np.bool_]:
    """So many sessions, with so many exceedances, spread evenly."""
    exceeded = np.zeros(count, dtype=bool)
    exceeded[np.linspace(0, count - 1, exceedances).astype(int)] = True
    assert exceeded.sum() == exceedances
    return exceeded


@pytest.mark.parametrize(
    ("confidence", "count", "fewest", "most"),
    [
        # The table says below 7; its formula makes 5.1 of none, which is rejected, too.
        (0.99, 255, 1, 6),
        (0.99, 510, 2, 10),
        (0.99, 1000, 5, 16),
        (0.95, 255, 7, 20),
        (0.95, 510, 17, 35),
        (0.95, 1000, 38, 64),
    ],
)
def test_kupiecs_published_regions(confidence: float, count: int, fewest: int, most: int) -> None:
    """Kupiec (1995), table 3: so many exceedances do not reject the model at 5 %, one more or fewer does."""
    for exceedances in range(most + 3):
        accepted = backtests.kupiec(with_exceedances(count, exceedances), confidence).p_value >= 0.05
        assert accepted == (fewest <= exceedances <= most), exceedances


def test_kupiec_by_hand() -> None:
    """6 of 100 where 5 are expected."""
    found = backtests.kupiec(with_exceedances(100, 6), 0.95)
    by_hand = 2 * (94 * math.log(0.94 / 0.95) + 6 * math.log(0.06 / 0.05))
    assert found.ratio == pytest.approx(by_hand, rel=1e-9)
    assert found.p_value == pytest.approx(math.erfc(math.sqrt(by_hand / 2)), rel=1e-9)


def test_exactly_as_many_as_expected() -> None:
    found = backtests.kupiec(with_exceedances(100, 5), 0.95)
    assert (found.ratio, found.p_value) == pytest.approx((0, 1), abs=1e-4)


def test_independence_by_hand() -> None:
    """Nine pairs: 4 of none after none, 2 of one after none, 1 of none after one, 2 of one after one."""
    exceeded = np.array([0, 0, 0, 1, 1, 1, 0, 0, 0, 1], dtype=bool)
    together = 5 * math.log(5 / 9) + 4 * math.log(4 / 9)
    apart = 4 * math.log(4 / 6) + 2 * math.log(2 / 6) + math.log(1 / 3) + 2 * math.log(2 / 3)
    assert backtests.independence(exceeded).ratio == pytest.approx(2 * (apart - together), rel=1e-9)
    both = backtests.conditional_coverage(exceeded, 0.95)
    one = backtests.kupiec(exceeded, 0.95).ratio + 2 * (apart - together)
    assert both.ratio == pytest.approx(one, rel=1e-9)
    assert both.p_value == pytest.approx(math.exp(-one / 2), rel=1e-9)


@pytest.mark.parametrize("exceeded", [np.zeros(250, dtype=bool), np.ones(250, dtype=bool)])
def test_always_or_never_is_no_dependence(exceeded: NDArray[np.bool_]) -> None:
    assert backtests.independence(exceeded) == backtests.Likelihood(0.0, 1.0)
    assert backtests.kupiec(exceeded, 0.95).p_value < 1e-5


def test_exceedances_in_a_cluster_are_rejected_although_there_are_as_many_as_expected() -> None:
    spread, clustered = with_exceedances(250, 12), np.zeros(250, dtype=bool)
    clustered[100:112] = True
    assert backtests.kupiec(clustered, 0.95).p_value > 0.5
    assert backtests.independence(clustered).p_value < 1e-9
    assert backtests.conditional_coverage(clustered, 0.95).p_value < 1e-9
    assert backtests.conditional_coverage(spread, 0.95).p_value > 0.05


def normal_gains() -> Floats:
    return np.random.default_rng(20240103).normal(0.0, 1000.0, FORECASTS + 324)


def stormy_gains() -> Floats:
    """Volatility that goes up and down over months: what a window of a year does not see."""
    generator = np.random.default_rng(20240104)
    log_volatility = np.zeros(FORECASTS + 324)
    for session in range(1, len(log_volatility)):
        log_volatility[session] = 0.97 * log_volatility[session - 1] + generator.normal(0.0, 0.2)
    return np.exp(log_volatility) * generator.normal(0.0, 1000.0, len(log_volatility))


def exceedances(gains: Floats, method: str, confidence: float, share: float = 1.0) -> NDArray[np.bool_]:
    """Of each session's forecast, or a share of it, by the sessions before it."""
    forecasts = [
        share * risk.tail(risk.scenarios(gains[:session], method), confidence)[0] for session in range(324, len(gains))
    ]
    return -gains[324:] > np.array(forecasts)


@pytest.mark.parametrize("confidence", risk.CONFIDENCES)
@pytest.mark.parametrize("method", risk.METHODS)
def test_a_right_model_is_exceeded_as_often_as_it_says(method: str, confidence: float) -> None:
    exceeded = exceedances(normal_gains(), method, confidence)
    fewest, most = binom.interval(0.95, FORECASTS, 1 - confidence)
    assert fewest <= exceeded.sum() <= most
    assert backtests.kupiec(exceeded, confidence).p_value >= 0.05
    assert backtests.conditional_coverage(exceeded, confidence).p_value >= 0.05


@pytest.mark.parametrize("share", [0.5, 2.0])
@pytest.mark.parametrize("confidence", risk.CONFIDENCES)
@pytest.mark.parametrize("method", risk.METHODS)
def test_a_wrong_model_is_rejected(method: str, confidence: float, share: float) -> None:
    exceeded = exceedances(normal_gains(), method, confidence, share)
    fewest, most = binom.interval(0.95, FORECASTS, 1 - confidence)
    assert not fewest <= exceeded.sum() <= most
    assert backtests.kupiec(exceeded, confidence).p_value < 0.001


def test_a_model_that_does_not_see_storms_is_rejected_and_one_that_does_is_not() -> None:
    blind = exceedances(stormy_gains(), "historical", 0.95)
    seeing = exceedances(stormy_gains(), "filtered", 0.95)
    assert backtests.independence(blind).p_value < 0.01
    assert backtests.independence(seeing).p_value >= 0.05
    assert backtests.kupiec(seeing, 0.95).p_value >= 0.05
