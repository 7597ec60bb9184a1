"""Do losses exceed the value at risk as often as it says, and no more often one after the other?

Each test compares the likelihood of what was seen under the model with the greatest possible one; twice the logarithm
of their ratio follows a chi-squared distribution where the model is right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy
from scipy.stats import chi2

#: Tests want so many forecasts with their outcomes: a year, as the Basel Committee's back-tests do.
OBSERVATIONS = 250


@dataclass(frozen=True)
class Likelihood:
    """A test's statistic, zero or positive, and the probability of a greater one if the model is right."""

    ratio: float
    p_value: float

    @classmethod
    def of(cls, ratio: float, freedom: int) -> Likelihood:
        """From the statistic and its degrees of freedom; rounding may have made a zero negative."""
        ratio = max(0.0, ratio)
        return cls(ratio, float(chi2.sf(ratio, freedom)))


def kupiec(exceeded: NDArray[np.bool_], confidence: float) -> Likelihood:
    """Proportion of failures: are exceedances a share of 1 - confidence of all? One degree of freedom.

    Source: Kupiec, Techniques for Verifying the Accuracy of Risk Measurement Models (1995).
    """
    count, exceedances = len(exceeded), int(exceeded.sum())
    expected = _log_likelihood(count - exceedances, exceedances, 1.0 - confidence)
    return Likelihood.of(-2.0 * (expected - _best(count - exceedances, exceedances)), 1)


def independence(exceeded: NDArray[np.bool_]) -> Likelihood:
    """Is an exceedance as likely after an exceedance as after none? One degree of freedom.

    Source: Christoffersen, Evaluating Interval Forecasts (1998), 3.2.
    """
    before, after = exceeded[:-1], exceeded[1:]
    follows_none, follows_one = after[~before], after[before]
    apart = _best_of(follows_none) + _best_of(follows_one)
    return Likelihood.of(-2.0 * (_best_of(after) - apart), 1)


def conditional_coverage(exceeded: NDArray[np.bool_], confidence: float) -> Likelihood:
    """Both questions at once: the sum of the two statistics. Two degrees of freedom.

    Source: Christoffersen (1998), 3.3.
    """
    return Likelihood.of(kupiec(exceeded, confidence).ratio + independence(exceeded).ratio, 2)


def _best_of(exceeded: NDArray[np.bool_]) -> float:
    exceedances = int(exceeded.sum())
    return _best(len(exceeded) - exceedances, exceedances)


def _best(others: int, exceedances: int) -> float:
    """The log-likelihood under the probability that makes it greatest."""
    return _log_likelihood(others, exceedances, exceedances / max(1, others + exceedances))


def _log_likelihood(others: int, exceedances: int, probability: float) -> float:
    return float(xlog1py(others, -probability) + xlogy(exceedances, probability))
