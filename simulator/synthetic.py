"""The synthetic market: every bar is a pure function of seed, symbol and minute.

A day's price path is a Brownian bridge in the day's own variance clock, hung between two points of a slow, bounded
random walk (`noise.level`). So a day needs no other day: any past or future one can be asked for, in any order, and
never changes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from math import prod

import numpy as np
import numpy.typing as npt

from simulator.actions import FIRST_DAY, dividends_of, splits_of
from simulator.bars import Bar, Dividend, Split
from simulator.instruments import Instrument
from simulator.noise import Floats, key_of, level, mixed, normal, normals, uniforms
from simulator.profiles import Profile, profile_of, variance_shape, volume_shape
from simulator.sessions import ALWAYS_OPEN, Session, minute_of, number_of, session_on, sessions_between

# A session of an exchange ends where the slow walk stands three quarters of a day later; the rest is the overnight gap.
_SESSION_SHARE_OF_DAY = 0.75
_ODD_LOT = 100
_USUAL_TRADE = 150.0
_CACHED_DAYS = 1024


@dataclass(frozen=True)
class _Day:
    """The bars of one session as columns, rounded as they will be printed; `regular` marks its regular hours."""

    minute: npt.NDArray[np.int64]
    open: Floats
    high: Floats
    low: Floats
    close: Floats
    volume: Floats
    session: Session


class SyntheticMarket:
    """A market made up from a seed.

    Args:
        seed: Chooses the market.
        instruments: What is traded, by symbol.
    """

    def __init__(self, seed: int, instruments: Mapping[str, Instrument]) -> None:
        self._seed = seed
        self._instruments = instruments
        self._day = lru_cache(maxsize=_CACHED_DAYS)(self._make_day)
        self._daily = lru_cache(maxsize=100_000)(self._make_daily)

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What is traded, by symbol."""
        return self._instruments

    def first_minute(self, symbol: str) -> int:
        """Returns the first minute that an answer reaches back to: the vendor's history begins in 1999 as well."""
        return minute_of(dt.datetime.combine(FIRST_DAY, dt.time(), dt.UTC))

    def bars(self, symbol: str, start: int, end: int, *, adjusted: bool = True) -> list[Bar]:
        """Returns the 1-minute bars of [start, end), oldest first, extended hours included."""
        instrument = self._instruments[symbol]
        profile = profile_of(self._seed, instrument)
        bars: list[Bar] = []
        for session in sessions_between(instrument, start, end):
            day = self._day(symbol, session.day)
            low, high = np.searchsorted(day.minute, (start, end))
            factor = 1.0 if adjusted else self._share_factor(symbol, session.day)
            bars += _printed(day, int(low), int(high), profile, factor)
        return bars

    def daily(self, symbol: str, day: dt.date, end: int) -> Bar | None:
        """Returns the unadjusted bar of the regular session of `day` over its minutes before `end`, if any traded."""
        session = session_on(self._instruments[symbol], day)
        if session is None:
            return None
        return self._daily(symbol, day, min(end, session.close))

    def splits(self, symbol: str) -> Sequence[Split]:
        """Returns every split, oldest first."""
        return splits_of(self._seed, self._instruments[symbol])

    def dividends(self, symbol: str) -> Sequence[Dividend]:
        """Returns every dividend, oldest first."""
        return dividends_of(self._seed, self._instruments[symbol])

    def _make_daily(self, symbol: str, date: dt.date, end: int) -> Bar | None:
        profile = profile_of(self._seed, self._instruments[symbol])
        day = self._day(symbol, date)
        low, high = (int(place) for place in np.searchsorted(day.minute, (day.session.open, end)))
        if low >= high:
            return None
        factor = self._share_factor(symbol, date)
        whole = _Day(
            np.array([day.session.open]),
            day.open[low : low + 1],
            day.high[low:high].max(keepdims=True),
            day.low[low:high].min(keepdims=True),
            day.close[high - 1 : high],
            np.round(_volumes(day.volume[low:high], profile, factor).sum(keepdims=True), profile.volume_decimals),
            day.session,
        )
        return _printed(whole, 0, 1, profile, factor, volume_factor=1.0)[0]

    def _share_factor(self, symbol: str, day: dt.date) -> float:
        """Returns what an adjusted price of `day` is multiplied by to give the price paid on that day."""
        return float(prod((split.ratio for split in self.splits(symbol) if split.day > day), start=Decimal(1)))

    def _make_day(self, symbol: str, date: dt.date) -> _Day:
        instrument = self._instruments[symbol]
        session = session_on(instrument, date)
        if session is None:
            raise ValueError(f"{symbol} does not trade on {date}.")
        profile = profile_of(self._seed, instrument)
        path, spread = self._path(instrument, profile, session)
        count = len(spread)
        keys = [mixed(key_of(self._seed, symbol, "bars"), 16 * number_of(date) + stream) for stream in range(6)]

        # A bar opens near the last close, not exactly on it.
        opening = path[:-1] + 0.12 * spread * normals(keys[0], count)
        closing = path[1:]
        volume = self._volume(instrument, profile, session, keys[1], np.abs(closing - opening) / spread)
        # The extremes of a Brownian path between two known ends (Glasserman, Monte Carlo Methods in Financial
        # Engineering, 2003, section 6.4).
        gap = (closing - opening) ** 2
        top = (opening + closing + np.sqrt(gap - 1.2 * spread**2 * np.log(uniforms(keys[2], count)))) / 2
        bottom = (opening + closing - np.sqrt(gap - 1.2 * spread**2 * np.log(uniforms(keys[3], count)))) / 2
        if instrument.kind == "equity":
            # So few shares are one trade, and one trade has one price.
            single = volume < _ODD_LOT
            opening, top, bottom = (np.where(single, closing, value) for value in (opening, top, bottom))

        finer = uniforms(keys[4], count) < 0.2
        prices = [_rounded(np.exp(value), profile, finer) for value in (opening, top, bottom, closing)]
        high = np.maximum.reduce(prices)
        low = np.minimum.reduce(prices)
        minute = np.arange(session.first, session.last, dtype=np.int64)
        traded = volume > 0
        return _Day(
            minute[traded],
            prices[0][traded],
            high[traded],
            low[traded],
            prices[3][traded],
            volume[traded],
            session,
        )

    def _path(self, instrument: Instrument, profile: Profile, session: Session) -> tuple[Floats, Floats]:
        """Returns the logarithm of the price at each minute's border, and each minute's standard deviation."""
        shares = variance_shape(instrument, session)
        passed = np.concatenate(([0.0], np.cumsum(shares)))
        passed /= passed[-1]
        number = number_of(session.day)
        length = 1.0 if instrument.calendar == ALWAYS_OPEN else _SESSION_SHARE_OF_DAY
        path = np.full(len(passed), np.log(profile.base_price))
        for factor in profile.factors:
            key = key_of(self._seed, factor.name)
            steps = np.sqrt(shares) * normals(mixed(key, number), len(shares))
            walk = np.concatenate(([0.0], np.cumsum(steps)))
            ends = level(key, number), level(key, number + length)
            path += factor.scale * (ends[0] + (ends[1] - ends[0]) * passed + walk - passed * walk[-1])
        return path, profile.daily_volatility * np.sqrt(shares)

    def _volume(self, instrument: Instrument, profile: Profile, session: Session, key: int, movement: Floats) -> Floats:
        """Returns the units traded in each minute; 0 where nobody traded, which happens in extended hours."""
        busy = 0.25 * normal(key, -1)
        if instrument.calendar == ALWAYS_OPEN and session.day.weekday() >= 5:
            busy -= 0.5
        expected = volume_shape(instrument, session) * profile.daily_volume * np.exp(busy)
        count = len(expected)
        drawn = np.exp(0.55 * normals(key, count) - 0.15) * (0.55 + 0.55 * np.minimum(movement, 4.0))
        if instrument.kind == "crypto":
            coins = np.maximum(np.round(expected * drawn, profile.volume_decimals), 1e-8)
            return np.asarray(coins, dtype=np.float64)
        minute = np.arange(session.first, session.last)
        regular = (minute >= session.open) & (minute < session.close)
        chance = np.where(regular, 1.0, np.clip(1 - np.exp(-expected / _USUAL_TRADE), 0.02, 1.0))
        traded = uniforms(mixed(key, 1), count) < chance
        units = np.maximum(np.round(expected / chance * drawn), 1.0)
        return np.asarray(np.where(traded, units, 0.0), dtype=np.float64)


def _rounded(prices: Floats, profile: Profile, finer: npt.NDArray[np.bool_]) -> Floats:
    # Most trades are on whole cents; some, filled between the quotes, are not.
    exact = np.round(prices, profile.price_decimals)
    usual = np.where(finer, exact, np.round(prices, profile.tick))
    return np.maximum(usual, 10.0**-profile.tick)


def _volumes(volume: Floats, profile: Profile, factor: float) -> Floats:
    if factor == 1.0:
        return volume
    return np.maximum(np.round(volume / factor, profile.volume_decimals), 1.0)


def _printed(
    day: _Day, low: int, high: int, profile: Profile, factor: float, volume_factor: float | None = None
) -> list[Bar]:
    """Returns the bars [low, high) of `day` as strings, prices multiplied by `factor` and volumes divided by it."""
    part = slice(low, high)
    prices = [column[part] * factor for column in (day.open, day.high, day.low, day.close)]
    volume = _volumes(day.volume[part], profile, factor if volume_factor is None else volume_factor)
    price_form, volume_form = f"%.{profile.price_decimals}f", f"%.{profile.volume_decimals}f"
    return [
        Bar(minute, price_form % o, price_form % h, price_form % lo, price_form % c, volume_form % v)
        for minute, o, h, lo, c, v in zip(
            day.minute[part].tolist(), *(column.tolist() for column in prices), volume.tolist(), strict=True
        )
    ]
