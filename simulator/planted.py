"""Anomalies planted into the synthetic market, and the list of them: what a detector should find is known.

A session has one at the most, drawn from (seed, symbol, day): like the market's bars they never change. They lie well
outside of what the instrument usually does in a minute, in units of its own volatility and volume; whether a detector
sees them is the detector's matter.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from simulator.bars import Bar, Dividend, Market, Split, merged, scaled, with_bad_tick
from simulator.instruments import Instrument
from simulator.noise import key_of, mixed, uniform
from simulator.profiles import profile_of
from simulator.sessions import ALWAYS_OPEN, Session, number_of, session_on, sessions_between

Kind = Literal["bad_tick", "stale_price", "volume_burst", "gap"]

_KINDS: tuple[Kind, ...] = ("bad_tick", "stale_price", "volume_burst", "gap")
#: As the logarithm of a price, in the volatility of a day: 30 to 80 times that of a minute on an exchange.
_SPIKES = (1.5, 4.0)
_JUMPS = (1.5, 4.0)
#: An opening moves by about half of that volatility anyway, after a weekend by more.
_OPENING_JUMPS = (7.0, 10.0)
_VOLUMES = (60.0, 200.0)
_STALE_MINUTES = (10.0, 40.0)


@dataclass(frozen=True)
class Planted:
    """One anomaly, in regular hours.

    Attributes:
        symbol: Of the instrument.
        day: Of the session.
        kind: A price that is off for one bar; a price that does not move; a minute's volume multiplied; a jump of the
            price that is gone again, little by little, when the session ends.
        minute: Where it begins.
        minutes: How many bars it is about: for a gap all until the session ends.
        factor: What the price or the volume is multiplied by; 1 for a stale price.
    """

    symbol: str
    day: dt.date
    kind: Kind
    minute: int
    minutes: int
    factor: float


class PlantedMarket:
    """`market` with anomalies.

    Args:
        market: Where bars come from.
        seed: Of that market.
        share: Of each symbol's sessions, how many have one: 0 to 1.
    """

    def __init__(self, market: Market, seed: int, share: float) -> None:
        self._market = market
        self._seed = seed
        self._share = share

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What is traded, by symbol."""
        return self._market.instruments

    def first_minute(self, symbol: str) -> int:
        """Returns the first minute that an answer reaches back to."""
        return self._market.first_minute(symbol)

    def planted(self, symbol: str, start: int, end: int) -> list[Planted]:
        """Returns what is planted into the sessions that have a minute in [start, end), oldest first."""
        instrument = self.instruments[symbol]
        drawn = (self._drawn(instrument, session) for session in sessions_between(instrument, start, end))
        return [each for each in drawn if each]

    def bars(self, symbol: str, start: int, end: int, *, adjusted: bool = True) -> list[Bar]:
        """Returns the 1-minute bars of [start, end) with the anomalies, oldest first."""
        bars = self._market.bars(symbol, start, end, adjusted=adjusted)
        for each in self.planted(symbol, start, end):
            if each.kind == "stale_price":
                (before,) = self._market.bars(symbol, each.minute - 1, each.minute, adjusted=adjusted)
                bars = [_stuck(bar, before.close) if _is_about(each, bar) else bar for bar in bars]
            else:
                bars = [_changed(bar, each) if _is_about(each, bar) else bar for bar in bars]
        return bars

    def daily(self, symbol: str, day: dt.date, end: int) -> Bar | None:
        """Returns the unadjusted bar of the regular session of `day` with the anomalies."""
        session = session_on(self.instruments[symbol], day)
        if session is None or not self._drawn(self.instruments[symbol], session):
            return self._market.daily(symbol, day, end)
        bars = self.bars(symbol, session.open, min(end, session.close), adjusted=False)
        return merged(session.open, bars) if bars else None

    def splits(self, symbol: str) -> Sequence[Split]:
        """Returns every split, oldest first."""
        return self._market.splits(symbol)

    def dividends(self, symbol: str) -> Sequence[Dividend]:
        """Returns every dividend, oldest first."""
        return self._market.dividends(symbol)

    def _drawn(self, instrument: Instrument, session: Session) -> Planted | None:
        key = mixed(key_of(self._seed, instrument.symbol, "planted"), number_of(session.day))
        if uniform(key, 0) >= self._share:
            return None
        kind = _KINDS[int(uniform(key, 1) * len(_KINDS))]
        length = session.close - session.open
        # Two bars before it and after it are as they were; a gap has half the session to close again.
        minute = session.open + 2 + int(uniform(key, 2) * (length / 2 if kind == "gap" else length - 44))
        sign = 1.0 if uniform(key, 3) < 0.5 else -1.0
        volatility = sign * profile_of(self._seed, instrument).daily_volatility
        match kind:
            case "bad_tick":
                minutes, factor = 1, math.exp(volatility * _between(key, _SPIKES))
            case "stale_price":
                minutes, factor = int(_between(key, _STALE_MINUTES)), 1.0
            case "volume_burst":
                minutes, factor = 1, math.exp(_between(key, (math.log(_VOLUMES[0]), math.log(_VOLUMES[1]))))
            case "gap":
                at_open = instrument.calendar != ALWAYS_OPEN and uniform(key, 5) < 0.5
                minute = session.open if at_open else minute
                minutes = session.close - minute
                factor = math.exp(volatility * _between(key, _OPENING_JUMPS if at_open else _JUMPS))
        return Planted(instrument.symbol, session.day, kind, minute, minutes, factor)


def _between(key: int, bounds: tuple[float, float]) -> float:
    return bounds[0] + uniform(key, 4) * (bounds[1] - bounds[0])


def _is_about(planted: Planted, bar: Bar) -> bool:
    return planted.minute <= bar.minute < planted.minute + planted.minutes


def _changed(bar: Bar, planted: Planted) -> Bar:
    match planted.kind:
        case "bad_tick":
            return with_bad_tick(bar, Decimal(planted.factor))
        case "volume_burst":
            return bar._replace(volume=scaled(bar.volume, Decimal(planted.factor)))
    left = 1 - (bar.minute - planted.minute) / planted.minutes
    factor = Decimal(planted.factor**left)
    opening, high, low, close = (scaled(price, factor) for price in (bar.open, bar.high, bar.low, bar.close))
    return Bar(bar.minute, opening, high, low, close, bar.volume)


def _stuck(bar: Bar, price: str) -> Bar:
    return Bar(bar.minute, price, price, price, price, bar.volume)
