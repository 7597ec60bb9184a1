"""A market in which some bars went wrong."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from decimal import Decimal

from simulator.bars import Bar, Dividend, Market, Split, merged, scaled, with_bad_tick
from simulator.faults import BadTick, BarFault, Correction, Halt, SplitFault
from simulator.instruments import Instrument
from simulator.sessions import NEW_YORK, minute_of, session_on


class FaultyMarket:
    """`market` with the bars changed that `faults` are about.

    Args:
        market: Where bars come from.
        faults: What went wrong; their times are filled in.
    """

    def __init__(self, market: Market, faults: Sequence[BarFault]) -> None:
        self._market = market
        self._faults = faults

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What is traded, by symbol."""
        return self._market.instruments

    def first_minute(self, symbol: str) -> int:
        """Returns the minute before which there is nothing to look for."""
        return self._market.first_minute(symbol)

    def bars(self, symbol: str, start: int, end: int, *, adjusted: bool = True) -> list[Bar]:
        """Returns the 1-minute bars of [start, end) as the faults leave them, oldest first."""
        bars = self._market.bars(symbol, start, end, adjusted=adjusted)
        for fault in self._of(symbol):
            match fault:
                case Halt():
                    bars = [bar for bar in bars if not _halted(fault, bar.minute)]
                case Correction():
                    bars = [_corrected(bar, fault) if bar.minute == _minute(fault) else bar for bar in bars]
                case BadTick():
                    bars = [with_bad_tick(bar, fault.factor) if bar.minute == _minute(fault) else bar for bar in bars]
                case SplitFault():
                    border = _first_minute_of(fault)
                    bars = [_split(bar, fault.ratio) if adjusted or bar.minute >= border else bar for bar in bars]
        return bars

    def daily(self, symbol: str, day: dt.date, end: int) -> Bar | None:
        """Returns the unadjusted bar of the regular session of `day` as the faults leave it."""
        session = session_on(self.instruments[symbol], day)
        if session is None or not any(_touches(fault, session.open, session.close) for fault in self._of(symbol)):
            return self._market.daily(symbol, day, end)
        bars = self.bars(symbol, session.open, min(end, session.close), adjusted=False)
        return merged(session.open, bars) if bars else None

    def splits(self, symbol: str) -> Sequence[Split]:
        """Returns every split, ordered ones included, oldest first."""
        ordered = [
            Split(fault.on, fault.ratio.quantize(Decimal("0.0001")))
            for fault in self._of(symbol)
            if isinstance(fault, SplitFault) and fault.on
        ]
        return sorted([*self._market.splits(symbol), *ordered], key=lambda split: split.day)

    def dividends(self, symbol: str) -> Sequence[Dividend]:
        """Returns every dividend, oldest first."""
        return self._market.dividends(symbol)

    def _of(self, symbol: str) -> list[BarFault]:
        return [fault for fault in self._faults if fault.symbol == symbol]


def with_times(fault: BarFault, now: dt.datetime) -> BarFault:
    """Returns `fault` with the times filled in that it left open, as of `now`."""
    match fault:
        case SplitFault():
            return fault if fault.on else fault.model_copy(update={"on": now.astimezone(NEW_YORK).date()})
        case Halt():
            default = now
        case _:
            default = now - dt.timedelta(minutes=1)
    at = fault.at or default
    return fault.model_copy(update={"at": at.astimezone(dt.UTC).replace(second=0, microsecond=0)})


def _minute(fault: Correction | BadTick | Halt) -> int:
    if fault.at is None:
        raise ValueError("The time of a fault in force is known.")
    return minute_of(fault.at)


def _first_minute_of(fault: SplitFault) -> int:
    if fault.on is None:
        raise ValueError("The day of a split in force is known.")
    return minute_of(dt.datetime.combine(fault.on, dt.time(), NEW_YORK))


def _halted(fault: Halt, minute: int) -> bool:
    return _minute(fault) <= minute < _minute(fault) + fault.halt_minutes


def _touches(fault: BarFault, start: int, end: int) -> bool:
    match fault:
        case Halt():
            return _minute(fault) < end and _minute(fault) + fault.halt_minutes > start
        case SplitFault():
            return _first_minute_of(fault) < end
        case _:
            return start <= _minute(fault) < end


def _corrected(bar: Bar, fault: Correction) -> Bar:
    return _scaled(bar, fault.price_factor, fault.volume_factor)


def _split(bar: Bar, ratio: Decimal) -> Bar:
    return _scaled(bar, 1 / ratio, ratio)


def _scaled(bar: Bar, price: Decimal, volume: Decimal) -> Bar:
    return Bar(
        bar.minute,
        scaled(bar.open, price),
        scaled(bar.high, price),
        scaled(bar.low, price),
        scaled(bar.close, price),
        scaled(bar.volume, volume),
    )
