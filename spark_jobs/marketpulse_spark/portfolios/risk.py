"""Value at risk and expected shortfall of the next session, by simulation with the returns of past ones.

Both methods ask what today's positions would have gained in each of the 250 newest sessions. *historical* takes these
gains as they are. *filtered* multiplies each by today's volatility over the volatility of its time, so that a gain of
quiet times counts for more in stormy ones.
"""

from __future__ import annotations

import math

import numpy as np

from marketpulse_spark.portfolios.history import Floats, History
from marketpulse_spark.portfolios.performance import window

HISTORICAL, FILTERED = METHODS = ("historical", "filtered")
CONFIDENCES = (0.95, 0.99)
SCENARIOS = 250
#: Of exponentially weighted volatility, for daily returns; after 74 sessions a return weighs 1 % of the newest.
#: Source: J.P. Morgan/Reuters, RiskMetrics Technical Document (1996), 5.3.
DECAY = 0.94
DECAY_SESSIONS = 74


def simulated_gains(history: History) -> Floats:
    """What the positions that the next session is entered with would have gained in each past session.

    In currency; nan where a return of one of them is not known. Source: Hull, Options, Futures, and Other Derivatives
    (2018), 22.2.
    """
    exposures = history.next_exposures
    gains: Floats = np.where(exposures == 0, 0.0, exposures * history.returns).sum(axis=1)
    return gains


def scenarios(gains: Floats, method: str) -> Floats | None:
    """The 250 gains that a method expects of the next session; None when it lacks sessions (324 for *filtered*).

    Filtered historical simulation, of the portfolio's gains: Hull and White, Incorporating Volatility Updating into the
    Historical Simulation Method for Value at Risk (1998), who do the same for each market variable.
    """
    if method == HISTORICAL:
        return window(gains, SCENARIOS)
    newest = window(gains, SCENARIOS + DECAY_SESSIONS)
    if newest is None:
        return None
    volatilities = forecast_volatilities(newest)
    if (volatilities[:-1] == 0).any():
        return None
    scaled: Floats = newest[DECAY_SESSIONS:] * (volatilities[-1] / volatilities[:-1])
    return scaled


def forecast_volatilities(gains: Floats) -> Floats:
    """What 74 sessions foretell of the next: the root of the weighted mean of squared gains, 0.94 to the power of age.

    The first is for the 75th session, the last for the one after all. Source: RiskMetrics, as above, 5.2.
    """
    weights = DECAY ** np.arange(DECAY_SESSIONS - 1, -1, -1.0)
    squares = np.lib.stride_tricks.sliding_window_view(gains**2, DECAY_SESSIONS)
    volatilities: Floats = np.sqrt((squares * (weights / weights.sum())).sum(axis=1))
    return volatilities


def tail(gains: Floats | None, confidence: float) -> tuple[float, float]:
    """Value at risk and expected shortfall, both as a loss, zero or positive; nan without scenarios.

    The quantile is the one that a further case of the same distribution exceeds in exactly 1 - confidence of all cases
    (Hyndman and Fan, Sample Quantiles in Statistical Packages (1996), definition 6); the shortfall is the mean of the
    losses at or beyond it (Acerbi and Tasche, On the Coherence of Expected Shortfall (2002)).
    """
    if gains is None:
        return math.nan, math.nan
    losses = -gains
    quantile = np.quantile(losses, confidence, method="weibull")
    return max(0.0, float(quantile)), max(0.0, float(losses[losses >= quantile].mean()))
