"""Splits and dividends of the synthetic market: fixed for ever by the seed, like its prices."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from functools import lru_cache

from simulator.bars import Dividend, Split
from simulator.instruments import Instrument
from simulator.noise import key_of, mixed, uniform
from simulator.profiles import profile_of
from simulator.sessions import session_on

FIRST_DAY = dt.date(1999, 11, 1)

_RATIOS = (Decimal("2.0000"), Decimal("3.0000"), Decimal("1.5000"), Decimal("4.0000"))
# Scheduled splits lie in the past only: a later one would restate every adjusted price before it.
# A split today is a fault that one asks for.
_SPLIT_YEARS = (2001, 2009, 2017)
_LAST_YEAR = 2099


@lru_cache(maxsize=1024)
def splits_of(seed: int, instrument: Instrument) -> tuple[Split, ...]:
    """Returns the splits of `instrument`, oldest first: at most one in each of three long periods."""
    if instrument.kind != "equity":
        return ()
    key = key_of(seed, instrument.symbol, "splits")
    splits = []
    for index, year in enumerate(_SPLIT_YEARS):
        if uniform(key, index) < 0.45:
            day = dt.date(year, 1, 1) + dt.timedelta(days=int(uniform(key, 10 + index) * 5 * 365))
            ratio = _RATIOS[mixed(key, 20 + index) % len(_RATIOS)]
            splits.append(Split(_session_day(instrument, day), ratio))
    return tuple(splits)


@lru_cache(maxsize=1024)
def dividends_of(seed: int, instrument: Instrument) -> tuple[Dividend, ...]:
    """Returns the quarterly dividends of `instrument`, oldest first; one share in five pays none."""
    if instrument.kind != "equity":
        return ()
    key = key_of(seed, instrument.symbol, "dividends")
    if uniform(key, 0) < 0.2:
        return ()
    first_month = 1 + mixed(key, 1) % 3
    per_quarter = profile_of(seed, instrument).base_price * (0.004 + 0.024 * uniform(key, 2)) / 4
    dividends = []
    for year in range(FIRST_DAY.year, _LAST_YEAR):
        amount = Decimal(max(0.01, per_quarter * 1.03 ** min(year - 2024, 10))).quantize(Decimal("0.01"))
        for quarter in range(4):
            ex_date = _session_day(instrument, dt.date(year, first_month + 3 * quarter, 8))
            if ex_date >= FIRST_DAY:
                declared, paid = ex_date - dt.timedelta(days=16), ex_date + dt.timedelta(days=33)
                dividends.append(Dividend(ex_date, declared, ex_date, paid, amount))
    return tuple(dividends)


def _session_day(instrument: Instrument, day: dt.date) -> dt.date:
    while session_on(instrument, day) is None:
        day += dt.timedelta(days=1)
    return day
