"""What makes one synthetic instrument different from another, and what a trading day looks like."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from simulator.instruments import Instrument
from simulator.noise import Floats, key_of, uniform
from simulator.sessions import ALWAYS_OPEN, DAY, Session

# Base price, volatility of a day, units traded in a day: roughly the 2020s. Any other instrument draws its own.
_SHARES = {
    "AAPL": (210.0, 0.017, 52e6),
    "IBM": (225.0, 0.014, 4.6e6),
    "JPM": (215.0, 0.014, 9.1e6),
    "MSFT": (410.0, 0.016, 21e6),
    "NVDA": (135.0, 0.029, 210e6),
}
_COINS = {
    "BTC": (62_000.0, 0.030, 11_000.0),
    "ETH": (2_700.0, 0.037, 140_000.0),
    "LTC": (85.0, 0.040, 520_000.0),
    "SOL": (140.0, 0.048, 3_900_000.0),
    "XRP": (1.1, 0.045, 190e6),
    "DOGE": (0.16, 0.052, 1.1e9),
}
# What one unit of a currency costs in US dollars, and how much that moves in a day.
_CURRENCIES = {"USD": (1.0, 0.0), "EUR": (1.09, 0.0045), "GBP": (1.27, 0.0050), "JPY": (0.0067, 0.0060)}


@dataclass(frozen=True)
class Factor:
    """A source of price movement that several instruments may share: `scale` is its volatility of a day."""

    name: str
    scale: float


@dataclass(frozen=True)
class Profile:
    """The character of one instrument.

    Attributes:
        base_price: What the price returns to over the years.
        factors: The movements that add up to the logarithm of its price.
        daily_volatility: Standard deviation of the logarithm of the price over one day.
        daily_volume: Units traded on a usual day.
        price_decimals: Decimals that are printed.
        tick: The usual price step, as decimals.
        volume_decimals: Decimals of volumes: coins trade in fractions.
    """

    base_price: float
    factors: tuple[Factor, ...]
    daily_volatility: float
    daily_volume: float
    price_decimals: int
    tick: int
    volume_decimals: int


def profile_of(seed: int, instrument: Instrument) -> Profile:
    """Returns the profile of `instrument` in the market of `seed`."""
    if instrument.kind == "equity":
        key = key_of(seed, instrument.symbol, "profile")
        drawn = (_between(key, 0, 20, 400), _between(key, 1, 0.011, 0.03), _between(key, 2, 1e6, 6e7))
        price, volatility, volume = _SHARES.get(instrument.symbol, drawn)
        own, shared = volatility * 0.8, volatility * 0.6
        return Profile(
            price,
            (Factor("market/shares", shared), Factor(f"share/{instrument.symbol}", own)),
            volatility,
            volume,
            price_decimals=4,
            tick=2,
            volume_decimals=0,
        )
    key = key_of(seed, instrument.coin, "profile")
    drawn = (_between(key, 0, 0.05, 500), _between(key, 1, 0.03, 0.07), _between(key, 2, 1e5, 1e7))
    price, volatility, volume = _COINS.get(instrument.coin, drawn)
    rate, rate_volatility = _CURRENCIES.get(instrument.currency, (1.0, 0.006))
    price /= rate
    decimals = 2 if price >= 10 else 4 if price >= 1 else 6 if price >= 0.01 else 8
    # The same coin in two currencies moves alike; the exchange rate is what differs.
    return Profile(
        price,
        (
            Factor("market/coins", volatility * 0.7),
            Factor(f"coin/{instrument.coin}", volatility * 0.71),
            Factor(f"currency/{instrument.currency}", -rate_volatility),
        ),
        volatility,
        volume if instrument.currency == "USD" else volume * 0.15,
        price_decimals=decimals,
        tick=decimals,
        volume_decimals=8,
    )


def variance_shape(instrument: Instrument, session: Session) -> Floats:
    """Returns each minute's share of the day's price variance, from `session.first` on; they add up to 1."""
    if instrument.calendar == ALWAYS_OPEN:
        return _round_the_clock()
    return _exchange_day(_regular_variance, 0.16, *_lengths(session))


def volume_shape(instrument: Instrument, session: Session) -> Floats:
    """Returns each minute's share of the day's volume, from `session.first` on; they add up to 1."""
    if instrument.calendar == ALWAYS_OPEN:
        return _round_the_clock()
    return _exchange_day(_regular_volume, 0.025, *_lengths(session))


def _between(key: int, index: int, low: float, high: float) -> float:
    return math.exp(math.log(low) + uniform(key, index) * math.log(high / low))


def _regular_variance(share: Floats) -> Floats:
    return 0.5 + 2.6 * np.exp(-share / 0.06) + 0.5 * (2 * share - 1) ** 2 + 0.8 * np.exp((share - 1) / 0.04)


def _regular_volume(share: Floats) -> Floats:
    return 0.6 + 2.2 * np.exp(-share / 0.03) + 1.1 * (2 * share - 1) ** 2 + 4.5 * np.exp((share - 1) / 0.008)


def _lengths(session: Session) -> tuple[int, int, int]:
    return session.open - session.first, session.close - session.open, session.last - session.close


@lru_cache(maxsize=256)
def _exchange_day(
    regular: Callable[[Floats], Floats], extended_share: float, before: int, trading: int, after: int
) -> Floats:
    """Returns the shape of a day with so many minutes before, during and after regular trading."""
    within = regular((np.arange(trading) + 0.5) / trading)
    # Interest grows towards the opening bell and fades after the closing one.
    early = 0.08 + 1.2 * np.exp(np.arange(-before, 0) / 60.0)
    late = 0.06 + 1.6 * np.exp(-np.arange(after) / 25.0)
    outside = early.sum() + late.sum()
    if not outside:
        return _frozen(within)
    rate = extended_share / outside
    return _frozen(np.concatenate((early * rate, within * (1 - extended_share) / within.sum(), late * rate)))


@lru_cache(maxsize=1)
def _round_the_clock() -> Floats:
    # Busiest while Europe and America are both awake (15:00 UTC), quietest in the small hours.
    phase = 2 * np.pi * (np.arange(DAY) - 15 * 60) / DAY
    return _frozen(1.0 + 0.35 * np.cos(phase) + 0.12 * np.cos(2 * phase))


def _frozen(weights: Floats) -> Floats:
    shares = np.asarray(weights / weights.sum(), dtype=np.float64)
    shares.flags.writeable = False
    return shares
