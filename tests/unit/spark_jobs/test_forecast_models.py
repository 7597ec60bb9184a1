"""The models of forecasts: against independent computations, and on series whose law is known."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from marketpulse_spark.forecasts import ewma, har, logistic, random_walk
from marketpulse_spark.forecasts.model import Forecast
from marketpulse_spark.forecasts.series import Floats, Series, read_series, realised_variance
from scipy.optimize import minimize

from tests.unit.spark_jobs.forecast_rows import day, sessions

Law = Callable[[int], Series]


def series(variances: Floats, returns: Floats) -> Series:
    return Series([dt.date(2024, 1, 1)] * len(variances), variances, returns)


def har_law(seed: int) -> Series:
    """Log variances that follow those of a day, a week and a month: 0.4, 0.3 and 0.2 of them; white returns."""
    chance = np.random.default_rng(seed)
    logs = list(chance.normal(-9.0, 0.1, 22))
    for _ in range(900):
        means = [math.log(np.exp(logs[-horizon:]).mean()) for horizon in (1, 5, 22)]
        logs.append(-0.9 + float(np.dot([0.4, 0.3, 0.2], means)) + chance.normal(0.0, 0.5))
    variances = np.exp(logs[-700:])
    return series(variances, np.sqrt(variances) * chance.normal(size=700))


def garch_law(seed: int) -> Series:
    """GARCH(1, 1) whose variance changes slowly and is seen badly: through six returns a session."""
    chance = np.random.default_rng(seed)
    variance, variances, returns = 1e-4, [], []
    for _ in range(700):
        steps = chance.normal(0.0, math.sqrt(variance / 6), 6)
        variances.append(float((steps**2).sum()))
        returns.append(float(steps.sum()))
        variance = 1e-6 + 0.05 * returns[-1] ** 2 + 0.94 * variance
    return series(np.array(variances), np.array(returns))


def advantage(law: Series, model: Callable[[Series], Forecast], baseline: Callable[[Series], Forecast]) -> float:
    """Diebold and Mariano's statistic of the model against the baseline, walking forward over 428 sessions."""
    losses = []
    for end in range(272, 700):
        known = series(law.variances[:end], law.returns[:end])
        said, simply_said = model(known).value, baseline(known).value
        if model is logistic.direction:
            rises = float(law.returns[end] > 0)
            losses.append((simply_said - rises) ** 2 - (said - rises) ** 2)
        else:
            ratio, simple_ratio = law.variances[end] / said**2, law.variances[end] / simply_said**2
            losses.append((simple_ratio - math.log(simple_ratio)) - (ratio - math.log(ratio)))
    return float(np.mean(losses) / np.std(losses, ddof=1) * math.sqrt(len(losses)))


def test_realised_variance_by_hand() -> None:
    assert realised_variance(np.array([100.0, 200.0, 100.0])) == pytest.approx(2 * math.log(2) ** 2)


def test_a_split_is_no_return() -> None:
    found = read_series(sessions([[8, 9, 10], [5, 4, 5], [6, 7, 6]], intervals=2, splits={1: 2.0}))
    assert found.sessions == [day(1), day(2)]
    assert found.returns[0] == 0.0, "10 before, two of 5 after"
    assert found.returns[1] == pytest.approx(math.log(6 / 5))
    assert found.rises.tolist() == [0.0, 1.0]
    assert found.variances[0] == pytest.approx(math.log(4 / 5) ** 2 + math.log(5 / 4) ** 2)


def test_sessions_that_are_not_known_are_left_out_with_their_splits() -> None:
    walked = [[1, 2, 3, 4], None, [5, 6], [7, 7, 7, 7], [4, 3, 8]]
    found = read_series(sessions(walked, intervals=3, splits={1: 2.0, 3: 3.0}))
    # Nobody traded, one price of three, a price that stood still; the return is since the first, in six shares for one.
    assert found.sessions == [day(4)]
    assert found.returns.tolist() == [pytest.approx(math.log(8 * 6 / 4))]


def test_no_known_session_is_no_error() -> None:
    assert read_series(sessions([None, None])).sessions == []


def test_ewma_is_that_of_pandas() -> None:
    law = har_law(1)
    by_pandas = pd.Series(law.variances[-74:]).ewm(alpha=0.06).mean().iloc[-1]
    assert ewma.volatility(law).value == pytest.approx(math.sqrt(by_pandas), rel=1e-12)


def test_har_is_the_regression_written_out() -> None:
    law = har_law(2)
    frame = pd.DataFrame({"following": np.log(law.variances)}).shift(-1)
    for horizon in (1, 5, 22):
        frame[horizon] = np.log(pd.Series(law.variances).rolling(horizon).mean())
    known = frame.dropna().tail(250)
    features = np.column_stack([np.ones(250), known[[1, 5, 22]]])
    wanted = np.linalg.solve(features.T @ features, features.T @ known["following"])
    spread = float(((known["following"] - features @ wanted) ** 2).sum() / 246)
    log_variance = float(np.array([1.0, *frame[[1, 5, 22]].iloc[-1]]) @ wanted)

    found = har.volatility(law)

    assert found.value == pytest.approx(math.exp((log_variance + spread / 2) / 2), rel=1e-9)
    assert list(found.coefficients.values()) == pytest.approx([*wanted, spread], rel=1e-7)
    assert found.training_sessions == 250


def test_har_finds_the_law() -> None:
    found = [har.volatility(har_law(seed)).coefficients for seed in range(20)]
    mean = {name: np.mean([each[name] for each in found]) for name in found[0]}
    assert mean["day"] == pytest.approx(0.4, abs=0.05)
    assert mean["week"] == pytest.approx(0.3, abs=0.1)
    assert mean["month"] == pytest.approx(0.2, abs=0.2)
    assert mean["residual_variance"] == pytest.approx(0.25, abs=0.02)


def test_logistic_is_at_the_top_of_the_likelihood() -> None:
    chance = np.random.default_rng(3)
    features = np.column_stack([np.ones(200), chance.normal(size=(200, 3))])
    rises = (chance.random(200) < 0.6).astype(float)

    def unlikely(coefficients: Floats) -> float:
        scores = features @ coefficients
        fit = (np.logaddexp(0.0, scores) - rises * scores).sum()
        return float(fit + logistic.PENALTY / 2 * (coefficients[1:] ** 2).sum())

    wanted = minimize(unlikely, np.zeros(4), tol=1e-12).x
    assert logistic.fit(features, rises) == pytest.approx(wanted, abs=1e-5)


@pytest.mark.parametrize("returns", [np.full(300, 0.01), np.full(300, -0.01), np.zeros(300)])
def test_returns_without_variety_still_have_a_probability(returns: Floats) -> None:
    law = series(np.full(300, 1e-4), returns)
    for model in (logistic.direction, random_walk.direction):
        value = model(law).value
        assert 0 <= value <= 1
        assert (value > 0.99) == (returns[0] > 0)


def test_the_baselines_say_the_simplest() -> None:
    law = series(np.linspace(1.0, 4.0, 300), np.tile([0.01, -0.01, 0.02], 100))
    assert random_walk.volatility(law).value == 2.0
    assert random_walk.direction(law).value == pytest.approx((law.rises[-250:].sum() + 1) / 252)


@pytest.mark.parametrize("model", [random_walk.direction, ewma.volatility, har.volatility, logistic.direction])
def test_what_lies_before_the_window_does_not_matter(model: Callable[[Series], Forecast]) -> None:
    law = har_law(4)
    newest = series(law.variances[-272:], law.returns[-272:])
    assert model(newest) == model(law)
    assert model(newest) != model(series(law.variances[-300:-28], law.returns[-300:-28]))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("law", "model"), [(har_law, har.volatility), (garch_law, har.volatility), (garch_law, ewma.volatility)]
)
def test_volatility_that_has_a_law_is_forecast_better_than_by_the_last_value(
    law: Law, model: Callable[[Series], Forecast], seed: int
) -> None:
    assert advantage(law(seed), model, random_walk.volatility) > 1.645


def test_white_noise_has_no_direction_to_forecast() -> None:
    """At 5 % one of twenty series may look as if it had: of ten, three would have a chance of 1 %."""
    found = [
        advantage(law(seed), logistic.direction, random_walk.direction)
        for law in (har_law, garch_law)
        for seed in range(5)
    ]
    assert sum(statistic > 1.645 for statistic in found) <= 2


def test_a_trend_is_found() -> None:
    """The rival of the test above: returns of which each goes on as the one before."""
    chance = np.random.default_rng(5)
    returns = [0.0]
    for _ in range(699):
        returns.append(0.6 * returns[-1] + chance.normal(0.0, 0.01))
    law = series(np.full(700, 1e-4), np.array(returns))
    assert advantage(law, logistic.direction, random_walk.direction) > 1.645
