from __future__ import annotations

import datetime as dt
import hashlib
import time
from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.bars import Bar
from simulator.instruments import load_instruments
from simulator.sessions import DAY, minute_of, moment_of
from simulator.synthetic import SyntheticMarket

NEW_YORK = ZoneInfo("America/New_York")
SYMBOLS = sorted(load_instruments())
MARKET = SyntheticMarket(7, load_instruments())


def minute(text: str) -> int:
    return minute_of(dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC))


def day_of(symbol: str, day: str) -> list[Bar]:
    start = minute_of(dt.datetime.fromisoformat(day).replace(tzinfo=NEW_YORK))
    return MARKET.bars(symbol, start, start + DAY)


def new_york(bar: Bar) -> str:
    return f"{moment_of(bar.minute).astimezone(NEW_YORK):%H:%M}"


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**63),
    symbol=st.sampled_from(SYMBOLS),
    start=st.integers(minute("1999-11-01"), minute("2060-01-01")),
    length=st.integers(1, 4 * DAY),
    data=st.data(),
)
def test_a_bar_depends_on_nothing_but_seed_symbol_and_minute(
    seed: int, symbol: str, start: int, length: int, data: st.DataObject
) -> None:
    whole = SyntheticMarket(seed, load_instruments()).bars(symbol, start, start + length)
    other = SyntheticMarket(seed, load_instruments())
    other.bars(data.draw(st.sampled_from(SYMBOLS)), start + 5 * DAY, start + 6 * DAY)
    border = data.draw(st.integers(start, start + length))
    late = other.bars(symbol, border, start + length)
    assert other.bars(symbol, start, border) + late == whole


@settings(max_examples=60, deadline=None)
@given(symbol=st.sampled_from(SYMBOLS), start=st.integers(minute("1999-11-01"), minute("2090-01-01")))
def test_every_bar_is_possible(symbol: str, start: int) -> None:
    bars = MARKET.bars(symbol, start, start + DAY, adjusted=start % 2 == 0)
    assert [bar.minute for bar in bars] == sorted({bar.minute for bar in bars})
    for bar in bars:
        opening, high, low, closing, volume = (Decimal(text) for text in bar[1:])
        assert high >= max(opening, closing)
        assert 0 < low <= min(opening, closing)
        assert volume > 0
        assert high < low * 2


def test_the_market_of_a_seed_never_changes() -> None:
    """The digest was taken when the market was made; a change here changes everybody's history."""
    bars = MARKET.bars("IBM", minute("2024-03-11"), minute("2024-03-12"))
    bars += MARKET.bars("BTCEUR", minute("2031-01-04"), minute("2031-01-05"))
    assert hashlib.sha256(repr(bars).encode()).hexdigest()[:16] == "7d878fb203b5389c"


def test_another_seed_is_another_market() -> None:
    start = minute("2026-05-15")
    other = SyntheticMarket(8, load_instruments()).bars("BTCUSD", start, start + DAY)
    assert not {bar.close for bar in other} & {bar.close for bar in MARKET.bars("BTCUSD", start, start + DAY)}


def test_coins_trade_every_minute_and_join_at_midnight() -> None:
    bars = MARKET.bars("BTCUSD", minute("2026-01-01"), minute("2026-02-01"))
    assert [bar.minute for bar in bars] == list(range(minute("2026-01-01"), minute("2026-02-01")))
    jumps = [abs(float(after.open) / float(before.close) - 1) for before, after in pairwise(bars)]
    assert max(jumps[DAY - 1 :: DAY]) <= max(jumps)
    assert max(jumps) < 0.002


@pytest.mark.parametrize(
    ("day", "first_regular_minute_in_utc"),
    [("2026-03-06", "14:30"), ("2026-03-09", "13:30"), ("2026-10-30", "13:30"), ("2026-11-02", "14:30")],
)
def test_sessions_follow_the_clocks_of_new_york(day: str, first_regular_minute_in_utc: str) -> None:
    bars = day_of("NVDA", day)
    assert new_york(bars[0]) >= "04:00"
    assert "19:30" < new_york(bars[-1]) <= "19:59"
    at_the_bell = next(bar for bar in bars if new_york(bar) == "09:30")
    assert f"{moment_of(at_the_bell.minute):%H:%M}" == first_regular_minute_in_utc


@pytest.mark.parametrize("day", ["2026-05-16", "2026-05-17", "2026-07-03", "2026-12-25"])
def test_nothing_trades_on_weekends_and_holidays(day: str) -> None:
    assert day_of("IBM", day) == []


def test_a_half_day_ends_early() -> None:
    bars = day_of("NVDA", "2026-11-27")
    regular = [bar for bar in bars if "09:30" <= new_york(bar) < "13:00"]
    assert len(regular) == 210
    assert "16:30" < new_york(bars[-1]) < "17:00"


def test_regular_hours_trade_every_minute_and_extended_hours_do_not() -> None:
    bars = day_of("IBM", "2026-05-15")
    regular = [bar for bar in bars if "09:30" <= new_york(bar) < "16:00"]
    assert len(regular) == 390
    assert 100 < len(bars) - len(regular) < 570


def test_volume_and_volatility_are_highest_at_the_edges_of_the_day() -> None:
    days = [f"2026-05-{number:02}" for number in range(4, 9)]
    regular = [[bar for bar in day_of("MSFT", day) if "09:30" <= new_york(bar) < "16:00"] for day in days]
    volume = np.array([[float(bar.volume) for bar in bars] for bars in regular]).mean(axis=0)
    spread = np.array([[float(bar.high) / float(bar.low) - 1 for bar in bars] for bars in regular]).mean(axis=0)
    middle = slice(150, 240)
    assert volume[:15].mean() > 2 * volume[middle].mean() < volume[-15:].mean()
    assert spread[:15].mean() > 1.5 * spread[middle].mean()


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_prices_stay_sensible_over_a_century(symbol: str) -> None:
    closes = []
    for year in range(2000, 2100, 2):
        # Four days hold a session wherever they begin: no holiday is longer.
        days = (MARKET.bars(symbol, start, start + DAY) for start in range(june(year), june(year) + 4 * DAY, DAY))
        closes.append(float(next(bars for bars in days if bars)[-1].close))
    middle = float(np.median(closes))
    assert min(closes) > middle / 12
    assert max(closes) < middle * 12


def test_a_usual_day_moves_by_a_usual_amount() -> None:
    closes = [float(bar.close) for number in range(400) if (bar := MARKET.daily("IBM", date(number), 10**9))]
    moves = np.diff(np.log(closes))
    assert 0.009 < moves.std() < 0.02


def june(year: int) -> int:
    return minute(f"{year}-06-10T12:00")


def date(number: int) -> dt.date:
    return dt.date(2024, 1, 1) + dt.timedelta(days=number)


def test_unadjusted_prices_are_those_before_the_later_splits() -> None:
    symbol, split = next((name, MARKET.splits(name)[-1]) for name in SYMBOLS if MARKET.splits(name))
    border = minute_of(dt.datetime.combine(split.day, dt.time(), NEW_YORK))
    before = MARKET.bars(symbol, border - 5 * DAY, border)
    raw = MARKET.bars(symbol, border - 5 * DAY, border, adjusted=False)
    for adjusted, paid in zip(before, raw, strict=True):
        assert abs(Decimal(paid.close) - Decimal(adjusted.close) * split.ratio) < Decimal("0.0001")
    after = (border, border + 5 * DAY)
    assert MARKET.bars(symbol, *after) == MARKET.bars(symbol, *after, adjusted=False)


def test_a_month_of_minutes_is_quick() -> None:
    market = SyntheticMarket(99, load_instruments())
    began = time.perf_counter()
    bars = market.bars("ETHUSD", minute("2026-04-01"), minute("2026-05-01"))
    assert len(bars) == 30 * DAY
    # Measured 0.25 s; the bound leaves room for a busy machine.
    assert time.perf_counter() - began < 2.0
