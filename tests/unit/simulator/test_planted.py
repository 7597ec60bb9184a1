"""Planted anomalies: they never change, they are listed, and detectors find them and nothing else."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from decimal import Decimal

import pandas as pd  # type: ignore[import-untyped]
import pytest
from marketpulse_spark.anomalies.detectors import found_rows
from marketpulse_spark.anomalies.window import SESSIONS
from marketpulse_spark.anomaly_schemas import BARS

from simulator.bars import Market
from simulator.faults import SplitFault
from simulator.faulty_market import FaultyMarket
from simulator.instruments import load_instruments
from simulator.planted import PlantedMarket
from simulator.sessions import DAY, Session, number_of, session_on
from simulator.synthetic import SyntheticMarket
from tests.unit.simulator.conftest import Desk

INSTRUMENTS = load_instruments()
SYMBOLS = ("AAPL", "IBM", "KO", "NVDA", "LTCUSD")
FIRST = dt.date(2024, 3, 1)
#: Sessions that are decided on; those before them say what is usual.
DECIDED = 25
SPLIT = SplitFault(kind="split", symbol="KO", ratio=Decimal(3), on=dt.date(2024, 4, 10))


def market_of(seed: int, share: float = 1.0) -> PlantedMarket:
    return PlantedMarket(SyntheticMarket(seed, INSTRUMENTS), seed, share)


def sessions_of(symbol: str) -> list[Session]:
    days = (FIRST + dt.timedelta(days=number) for number in range(90))
    sessions = (session_on(INSTRUMENTS[symbol], day) for day in days)
    return [session for session in sessions if session][: SESSIONS + DECIDED]


def bars_of(market: Market, symbol: str) -> pd.DataFrame:
    """The regular bars as traded, as the detectors take them; splits are known."""
    splits = {split.day: float(split.ratio) for split in market.splits(symbol)}
    rows = [
        (
            *(symbol, "a", session.day, number, number >= SESSIONS, session.open, session.close),
            *(splits.get(session.day, 1.0), 0.01, bar.minute),
            *map(float, bar[1:]),
        )
        for number, session in enumerate(sessions_of(symbol))
        for bar in market.bars(symbol, session.open, session.close, adjusted=False)
    ]
    bars = pd.DataFrame(rows, columns=[column.split()[0] for column in BARS.split(",")])
    for name in ("opens_at", "closes_at", "ts"):
        bars[name] = pd.to_datetime(bars[name] * 60, unit="s")
    return bars


@pytest.mark.parametrize("seed", [1, 2])
def test_the_detectors_find_what_is_planted_and_nothing_else(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    planted_market = market_of(seed)
    market = FaultyMarket(planted_market, [SPLIT])
    planted, found, right = Counter[str](), Counter[str](), Counter[str]()
    for symbol in SYMBOLS:
        bars = bars_of(market, symbol)
        decided = sessions_of(symbol)[SESSIONS:]
        truth = {
            (each.kind, pd.Timestamp(each.minute * 60, unit="s"))
            for each in planted_market.planted(symbol, decided[0].open, decided[-1].close)
        }
        rows = found_rows(bars)
        said = set(zip(rows["kind"], rows["ts"], strict=True))
        planted.update(kind for kind, _ in truth)
        found.update(kind for kind, _ in said)
        right.update(kind for kind, _ in said & truth)
    with capsys.disabled():
        print(f"\nseed {seed}         planted  found  precision  recall")  # noqa: T201 - what the test is for
        for kind in [*sorted(planted), "all"]:
            counts = [counter.total() if kind == "all" else counter[kind] for counter in (planted, found, right)]
            print(f"{kind:15}{counts[0]:7}{counts[1]:7}{counts[2] / counts[1]:11.3f}{counts[2] / counts[0]:8.3f}")  # noqa: T201
    assert planted.total() >= 100
    assert len(planted) == 4
    assert right.total() / found.total() >= 0.9
    assert right.total() / planted.total() >= 0.9


def test_a_split_that_is_known_is_no_anomaly_and_one_that_is_not_is_a_gap() -> None:
    bars = bars_of(FaultyMarket(SyntheticMarket(1, INSTRUMENTS), [SPLIT]), "KO")
    assert found_rows(bars).empty
    opening = bars["opens_at"][bars["session"] == SPLIT.on].iloc[0]
    unknown = found_rows(bars.assign(split=1.0))
    assert (unknown["kind"].iloc[0], unknown["ts"].iloc[0]) == ("gap", opening)


def test_what_is_planted_follows_from_seed_symbol_and_day() -> None:
    start = number_of(FIRST) * DAY
    days = [(start + day * DAY, start + (day + 1) * DAY) for day in range(200)]
    whole = market_of(7, 0.5).planted("LTCUSD", start, days[-1][1])
    assert 60 < len(whole) < 140
    other = market_of(7, 0.5)
    assert [each for day in reversed(days) for each in reversed(other.planted("LTCUSD", *day))] == whole[::-1]
    assert market_of(8, 0.5).planted("LTCUSD", start, days[-1][1]) != whole
    assert [bar for day in days[:3] for bar in other.bars("LTCUSD", *day)] == other.bars("LTCUSD", start, days[2][1])


def test_nothing_is_planted_unless_it_is_asked_for(desk: Desk) -> None:
    plain = SyntheticMarket(7, INSTRUMENTS)
    start = number_of(FIRST) * DAY
    assert market_of(7, 0.0).bars("IBM", start, start + 20 * DAY) == plain.bars("IBM", start, start + 20 * DAY)
    asked = {"symbol": "IBM", "first": "2024-03-01", "last": "2024-06-30"}
    assert desk.send("GET", "/admin/planted", params=asked).json() == []


def test_the_list_tells_which_bars_were_changed(desk_at: Callable[..., Desk]) -> None:
    desk = desk_at(planted_anomalies=1.0, seed=3)
    asked = {"symbol": "IBM", "first": "2026-05-15", "last": "2026-05-15"}
    (planted,) = desk.send("GET", "/admin/planted", params=asked).json()
    assert planted["day"] == "2026-05-15"
    session = session_on(INSTRUMENTS["IBM"], dt.date(2026, 5, 15))
    assert session is not None
    plain = SyntheticMarket(3, INSTRUMENTS).bars("IBM", session.first, session.last)
    changed = [
        one.minute
        for one, other in zip(plain, market_of(3).bars("IBM", session.first, session.last), strict=True)
        if one != other
    ]
    first = int(dt.datetime.fromisoformat(planted["minute"]).timestamp() // 60)
    assert changed[0] == first
    assert len(changed) <= planted["minutes"] <= changed[-1] - first + 2
    assert desk.send("GET", "/admin/planted", params={**asked, "symbol": "ENRN"}).status_code == 422


def test_a_day_is_made_of_its_minutes() -> None:
    market = market_of(3)
    session = session_on(INSTRUMENTS["IBM"], dt.date(2024, 5, 15))
    assert session is not None
    minutes = market.bars("IBM", session.open, session.close, adjusted=False)
    day = market.daily("IBM", session.day, session.close)
    assert day is not None
    assert (day.open, day.close) == (minutes[0].open, minutes[-1].close)
    assert Decimal(day.high) == max(Decimal(bar.high) for bar in minutes)
