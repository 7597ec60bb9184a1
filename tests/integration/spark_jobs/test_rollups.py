"""Bars of 5 minutes, hours and sessions, VWAP and relative volume, against a computation from the bars in Python."""

from __future__ import annotations

import csv
import datetime as dt
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest

from tests.integration.spark_jobs.warehouse import Rows, Warehouse

MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
FIRST = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
#: A market with a lunch break that is closed at weekends and has half of a day now and then; and one that never closes.
BREAK, NEVER_CLOSED = "XTKS", "24/7"
REAL = Path(__file__).resolve().parents[4] / "shared/data/bars/msft_1min_2020.csv"
NEW_YORK = ZoneInfo("America/New_York")
VIEWS = ("analytics.bars_5m", "analytics.bars_1h", "analytics.bars_session", "analytics.session_indicators_1m")
#: The rows that are over at an instant.
OVER = {
    "analytics.bars_5m": "ts + interval '5 minutes' <= %(until)s",
    "analytics.bars_1h": "ts + interval '1 hour' <= %(until)s",
    "analytics.bars_session": "session < (%(until)s AT TIME ZONE 'UTC')::date",
    "analytics.session_indicators_1m": "ts < %(until)s",
}

Stretch = tuple[dt.datetime, dt.datetime]
#: Open, high, low, close, volume.
Values = tuple[Decimal, ...]


def stretches(calendar: str, day: int) -> list[Stretch]:
    """The hours of a day, from 2024-01-01 on: few, so that many days are quick."""
    midnight = FIRST + day * DAY
    if calendar == NEVER_CLOSED:
        return [(midnight, midnight + DAY)]
    if midnight.weekday() >= 5:
        return []
    morning = (midnight + 2 * MINUTE, midnight + 70 * MINUTE)
    return [morning] if day % 9 == 8 else [morning, (midnight + 100 * MINUTE, midnight + 113 * MINUTE)]


def sessions(calendar: str, days: int) -> list[tuple[dt.date, list[Stretch]]]:
    found = [((FIRST + day * DAY).date(), stretches(calendar, day)) for day in range(days)]
    return [(session, hours) for session, hours in found if hours]


@pytest.fixture
def unscheduled(warehouse: Warehouse) -> Iterator[Warehouse]:
    """A warehouse whose calendars have no sessions, and leave none behind."""
    warehouse.rows("TRUNCATE market.sessions")
    yield warehouse
    warehouse.rows("TRUNCATE market.sessions")


@pytest.fixture
def market(unscheduled: Warehouse) -> Warehouse:
    """35 days of two calendars; bars of two series, with holes and with bars out of hours."""
    chance = random.Random(5)  # noqa: S311 - prices
    for symbol, calendar, minutes in (("IBM", BREAK, range(120)), ("BTCUSD", NEVER_CLOSED, range(0, 1440, 48))):
        prepare(unscheduled, symbol, calendar, sessions(calendar, 35))
        times = [FIRST + day * DAY + minute * MINUTE for day in range(35) for minute in minutes]
        add(unscheduled, symbol, [time for time in times if chance.random() < 0.9], chance)
    return unscheduled


def prepare(warehouse: Warehouse, symbol: str, calendar: str, known: list[tuple[dt.date, list[Stretch]]]) -> None:
    """Gives an instrument a calendar of these sessions."""
    warehouse.rows("UPDATE market.instruments SET calendar = %s WHERE symbol = %s", calendar, symbol)
    for session, hours in known:
        ranges = "{" + ",".join(f"[{start.isoformat()},{end.isoformat()})" for start, end in hours) + "}"
        warehouse.rows("INSERT INTO market.sessions VALUES (%s, %s, %s::tstzmultirange)", calendar, session, ranges)


def add(warehouse: Warehouse, symbol: str, times: Iterable[dt.datetime], chance: random.Random) -> None:
    """Stores bars of random values."""
    bars = []
    for ts in times:
        low, open_, close, high = sorted(Decimal(chance.randrange(900_000, 1_100_000)) / 10_000 for _ in range(4))
        bars.append((ts, open_, high, low, close, Decimal(chance.choice([0, chance.randrange(1, 100_000)])) / 8))
    store(warehouse, symbol, bars)


def store(warehouse: Warehouse, symbol: str, bars: list[tuple[Any, ...]]) -> None:
    """Stores bars of source a: time, open, high, low, close, volume."""
    columns = [list(column) for column in zip(*bars, strict=True)]
    warehouse.rows(
        "INSERT INTO market.bars_1m SELECT %s, 'a', u.*, now() FROM unnest(%s::timestamptz[], %s::numeric[],"
        " %s::numeric[], %s::numeric[], %s::numeric[], %s::numeric[]) u",
        *(symbol, *columns),
    )


def stored(warehouse: Warehouse, symbol: str) -> dict[dt.datetime, Values]:
    rows = warehouse.rows(
        "SELECT ts, open, high, low, close, volume FROM market.bars_1m WHERE symbol = %s ORDER BY ts", symbol
    )
    return {ts: tuple(values) for ts, *values in rows}


def rolled_up(bars: dict[dt.datetime, Values], calendar: str, stride: dt.timedelta | None) -> Rows:
    """Session, start, values and number of bars of each bucket; a session for no stride."""
    buckets: defaultdict[tuple[dt.date, dt.datetime], list[Values]] = defaultdict(list)
    for session, hours in sessions(calendar, 35):
        for start, end in hours:
            for ts, values in bars.items():
                if start <= ts < end:
                    place = hours[0][0] if stride is None else start + (ts - start) // stride * stride
                    buckets[session, place].append(values)
    return [
        (
            *place,
            values[0][0],
            max(each[1] for each in values),
            min(each[2] for each in values),
            values[-1][3],
            sum(each[4] for each in values),
            len(values),
        )
        for place, values in sorted(buckets.items())
    ]


def view(warehouse: Warehouse, name: str, symbol: str) -> Rows:
    return warehouse.rows(f"SELECT * FROM {name} WHERE symbol = %s AND source = 'a' ORDER BY ts", symbol)


@pytest.mark.parametrize(("symbol", "calendar"), [("IBM", BREAK), ("BTCUSD", NEVER_CLOSED)])
def test_rolled_up_bars_follow_the_session(market: Warehouse, symbol: str, calendar: str) -> None:
    bars = stored(market, symbol)
    lengths = {"bars_5m": 5 * MINUTE, "bars_1h": 60 * MINUTE, "bars_session": None}
    for name, stride in lengths.items():
        found = [row[2:] for row in view(market, f"analytics.{name}", symbol)]
        assert found == rolled_up(bars, calendar, stride)
        assert len(found) >= 25


def test_a_revised_bar_revises_them_all(market: Warehouse) -> None:
    before = {name: view(market, name, "IBM") for name in VIEWS}
    ts = next(ts for ts in stored(market, "IBM") if ts >= dt.datetime(2024, 1, 30, 0, 7, tzinfo=dt.UTC))
    market.rows("UPDATE market.bars_1m SET high = 500, volume = 9 WHERE symbol = 'IBM' AND ts = %s", ts)
    for name, rows in before.items():
        changed = {row[2] for row in set(view(market, name, "IBM")) - set(rows)}
        assert min(changed) == ts.date()
        # The same minute of later sessions is compared with it.
        assert len(changed) == 1 or name == "analytics.session_indicators_1m"
    assert max(row[5] for row in view(market, "analytics.bars_session", "IBM")) == 500


def test_they_are_in_todays_shares(market: Warehouse) -> None:
    before = {name: view(market, name, "IBM") for name in VIEWS}
    market.rows(
        "INSERT INTO ops.action_observations VALUES ('IBM', 'a', 'split', '2024-01-24', '2024-01-24Z', 2, '', now())"
    )
    for name in VIEWS[:3]:
        for old, new in zip(before[name], view(market, name, "IBM"), strict=True):
            factor = 2 if old[2] < dt.date(2024, 1, 24) else 1
            assert new[4:9] == (*(price / factor for price in old[4:8]), old[8] * factor)
    # In the shares of the bar, as other indicators are: only what it is compared with changes.
    after = view(market, "analytics.session_indicators_1m", "IBM")
    assert [row[:5] for row in after] == [row[:5] for row in before["analytics.session_indicators_1m"]]
    assert after != before["analytics.session_indicators_1m"]
    assert_indicators(after, stored(market, "IBM"), sessions(BREAK, 35), split=(dt.date(2024, 1, 24), 2))


@pytest.mark.parametrize(("symbol", "calendar"), [("IBM", BREAK), ("BTCUSD", NEVER_CLOSED)])
def test_vwap_and_relative_volume(market: Warehouse, symbol: str, calendar: str) -> None:
    found = view(market, "analytics.session_indicators_1m", symbol)
    assert_indicators(found, stored(market, symbol), sessions(calendar, 35))
    assert sum(row[5] is not None for row in found) > 500


@pytest.mark.skipif(not REAL.is_file(), reason=f"real bars are not there: {REAL}")
def test_vwap_and_relative_volume_of_real_bars(unscheduled: Warehouse) -> None:
    """Four weeks of New York in winter, a holiday and half a day after it; the file's extended hours are left out."""
    with REAL.open() as file:
        real = {dt.datetime.fromisoformat(row["time"]).replace(tzinfo=NEW_YORK): row for row in csv.DictReader(file)}
    known = []
    for day in sorted({ts.date() for ts in real}):
        opening = dt.datetime.combine(day, dt.time(9, 30), NEW_YORK)
        known.append((day, [(opening, opening + (210 if day == dt.date(2020, 11, 27) else 390) * MINUTE)]))
    prepare(unscheduled, "MSFT", "XNYS", known)
    store(
        unscheduled,
        "MSFT",
        [
            (ts, *(Decimal(row[name]) for name in ("open", "high", "low", "close", "volume")))
            for ts, row in real.items()
        ],
    )
    found = view(unscheduled, "analytics.session_indicators_1m", "MSFT")
    assert_indicators(found, stored(unscheduled, "MSFT"), known)
    assert len(found) > 7_000
    assert sum(row[5] is not None for row in found) > 5_000


def assert_indicators(
    found: Rows,
    bars: dict[dt.datetime, Values],
    known: list[tuple[dt.date, list[Stretch]]],
    split: tuple[dt.date, int] = (dt.date.max, 1),
) -> None:
    """Compares all rows; nothing is left out."""
    remaining = iter(found)
    for number, (session, hours) in enumerate(known):
        spent = traded = Fraction(0)
        for ts in (ts for ts in bars if any(start <= ts < end for start, end in hours)):
            _, high, low, close, volume = map(Fraction, bars[ts])
            spent, traded = spent + (high + low + close) / 3 * volume, traded + volume
            usual: list[Fraction] = []
            for earlier, earlier_hours in known[max(0, number - 20) : number]:
                then = earlier_hours[0][0] + (ts - hours[0][0])
                if then in bars and any(start <= then < end for start, end in earlier_hours):
                    usual.append(Fraction(bars[then][4]) * (split[1] if earlier < split[0] <= session else 1))
            mean = sum(usual, Fraction()) / max(1, len(usual))
            relative = volume / mean if len(usual) >= 5 and mean else None
            assert next(remaining)[2:] == (
                session,
                ts,
                pytest.approx(float(spent / traded), rel=1e-12) if traded else None,
                None if relative is None else pytest.approx(float(relative), rel=1e-12, abs=1e-15),
            )
    assert next(remaining, None) is None


@pytest.mark.parametrize("name", VIEWS)
def test_what_comes_later_changes_nothing_before_it(market: Warehouse, name: str) -> None:
    until = dt.datetime(2024, 1, 25, 0, 32, tzinfo=dt.UTC)
    query = f"SELECT * FROM {name} WHERE {OVER[name]} ORDER BY symbol, ts"

    def over() -> list[tuple[Any, ...]]:
        return market.rows(query.replace("%(until)s", "%s"), until)

    before, everything = over(), market.rows(f"SELECT * FROM {name}")
    market.rows(
        "UPDATE market.bars_1m SET open = open * 2, high = high * 3, close = close * 2, volume = volume + 7"
        " WHERE ts >= %s",
        until,
    )
    market.rows("DELETE FROM market.bars_1m WHERE ts >= %s AND extract(minute FROM ts)::integer %% 3 = 0", until)
    assert over() == before
    assert len(before) > 20
    assert set(market.rows(f"SELECT * FROM {name}")) != set(everything)


@pytest.mark.parametrize("name", VIEWS)
def test_a_session_of_a_series_is_read_by_the_indexes(market: Warehouse, owner: psycopg.Connection, name: str) -> None:
    market.rows("ANALYZE market.bars_1m, market.sessions")
    with owner.transaction():
        owner.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(
            row[0]
            for row in market.rows(
                f"EXPLAIN SELECT * FROM {name} WHERE symbol = 'IBM' AND source = 'a' AND session = '2024-01-30'"
            )
        )
    assert "Seq Scan on bars_1m" not in plan
    assert re.search(r"Index Cond: .*symbol = 'IBM'.*ts >= lower\(.*ts < upper\(", plan), plan


def test_minutes_without_a_bar_are_counted(market: Warehouse) -> None:
    rows = view(market, "analytics.bars_5m", "IBM")
    assert {row[9] for row in rows} == {1, 2, 3, 4, 5}
    assert all(earlier[3] < later[3] for earlier, later in pairwise(rows))
