"""Bars as the simulator hands them around: decimal strings exactly as they will be printed."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple, Protocol

from simulator.instruments import Instrument


class Bar(NamedTuple):
    """One bar; `minute` is where it begins, in minutes since 1970-01-01 UTC."""

    minute: int
    open: str
    high: str
    low: str
    close: str
    volume: str


@dataclass(frozen=True)
class Split:
    """From `day` on, `ratio` new shares stand for each old one."""

    day: dt.date
    ratio: Decimal


@dataclass(frozen=True)
class Dividend:
    """A payment of `amount` for each share held before `ex_date`."""

    ex_date: dt.date
    declared: dt.date
    recorded: dt.date
    paid: dt.date
    amount: Decimal


class Market(Protocol):
    """Where bars come from: made up, read from a file, or either of them with faults."""

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What is traded, by symbol."""

    def first_minute(self, symbol: str) -> int:
        """Returns the minute before which there is nothing to look for."""

    def bars(self, symbol: str, start: int, end: int, *, adjusted: bool = True) -> list[Bar]:
        """Returns the 1-minute bars of [start, end), oldest first, extended hours included."""

    def daily(self, symbol: str, day: dt.date, end: int) -> Bar | None:
        """Returns the unadjusted bar of the regular session of `day` over its minutes before `end`, if any traded."""

    def splits(self, symbol: str) -> Sequence[Split]:
        """Returns every split, oldest first."""

    def dividends(self, symbol: str) -> Sequence[Dividend]:
        """Returns every dividend, oldest first."""


def merged(minute: int, bars: Iterable[Bar]) -> Bar:
    """Returns the one bar beginning with `minute` that covers `bars`, which are in order and not empty."""
    members = list(bars)
    return Bar(
        minute,
        members[0].open,
        max((bar.high for bar in members), key=Decimal),
        min((bar.low for bar in members), key=Decimal),
        members[-1].close,
        format(sum((Decimal(bar.volume) for bar in members), Decimal(0)), "f"),
    )


def grouped(bars: Iterable[Bar], interval: int, offset: int = 0) -> list[Bar]:
    """Returns bars of `interval` minutes; a bar begins where its minute less `offset` is a multiple of the interval."""
    if interval == 1:
        return list(bars)
    groups = groupby(bars, key=lambda bar: bar.minute - (bar.minute - offset) % interval)
    return [merged(minute, members) for minute, members in groups]


def scaled(number: str, factor: Decimal) -> str:
    """Returns `number` times `factor` with the number of decimals that `number` has."""
    value = Decimal(number)
    return format((value * factor).quantize(Decimal(1).scaleb(int(value.as_tuple().exponent))), "f")


def with_bad_tick(bar: Bar, factor: Decimal) -> Bar:
    """Returns `bar` with a last trade that is off by a factor, as nobody has seen it before or will after."""
    absurd = scaled(bar.close, factor)
    return bar._replace(high=max(bar.high, absurd, key=Decimal), low=min(bar.low, absurd, key=Decimal), close=absurd)


def begun_bars(
    market: Market, symbol: str, start: int, end: int, now: dt.datetime, *, adjusted: bool = True
) -> list[Bar]:
    """Returns the 1-minute bars of [start, end) that have begun by `now`, oldest first.

    The one whose minute is not over shows what its first trade left: vendors print it, and change it until its end.
    """
    minute = int(now.timestamp() // 60)
    bars = market.bars(symbol, start, min(end, minute + 1), adjusted=adjusted)
    if bars and bars[-1].minute == minute:
        price, volume = bars[-1].open, scaled(bars[-1].volume, Decimal("0.1"))
        bars[-1] = Bar(minute, price, price, price, price, volume)
    return bars
