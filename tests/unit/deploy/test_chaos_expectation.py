"""The independent computation of `make chaos`, against examples worked by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest

from tests.chaos.expectation import Key, Observation, Place, Range, applied, indicators, versions
from tests.chaos.messages import BACKFILL, LIVE, Message, make_portions

START = dt.datetime(2024, 3, 4, 14, 30, tzinfo=dt.UTC)


def seen(second: int, close: str) -> Observation:
    price = Decimal(close)
    return Observation(START + dt.timedelta(seconds=second), price, price, price, price, Decimal(1))


def message(topic: str, second: int, close: str) -> Message:
    fetched_at = f"{START + dt.timedelta(seconds=second):%Y-%m-%dT%H:%M:%S.%fZ}"
    bar = {"source": "chaos", "symbol": "A", "interval": "1min", "ts": "2024-03-04T14:30:00Z", "fetched_at": fetched_at}
    bar |= dict.fromkeys(("open", "high", "low", "close"), close) | {"volume": "1", "run_id": "chaos"}
    return Message("new", topic, b"A", b"", bar)


def test_a_version_is_the_first_of_equal_observations_in_a_row() -> None:
    first, confirmed, revised, back = seen(0, "1.5"), seen(1, "1.50"), seen(2, "1.6"), seen(3, "1.5")
    assert versions([back, revised, confirmed, first, first]) == [first, revised, back]


def test_equal_times_of_fetching_are_ordered_by_value() -> None:
    assert versions([seen(0, "10"), seen(0, "9")]) == [seen(0, "9"), seen(0, "10")]


def test_indicators_count_bars_and_not_minutes() -> None:
    minutes = [0, 1, 2, 3, 9]
    bars = {Key("A", "chaos", START + dt.timedelta(minutes=m)): seen(0, f"{100 + m}") for m in minutes}
    *_, last = indicators(bars).values()
    assert last[:3] == (103.0, None, None)
    assert last[3:7] == (6.0, None, None, None)
    assert last[7] == pytest.approx(100 * 6 / 103)


def test_messages_count_as_applied_when_they_become_versions() -> None:
    delivered = {Place(LIVE, 0, 0): message(LIVE, 0, "1"), Place(LIVE, 0, 1): message(LIVE, 1, "1.0")}
    delivered |= {Place(BACKFILL, 0, 0): message(BACKFILL, 0, "1"), Place(LIVE, 0, 2): message(LIVE, 2, "2")}
    delivered |= {Place(LIVE, 0, 3): Message("nan", LIVE, b"A", b"", reason="bad_json")}
    first, same, then = Range(LIVE, 0, 0, 2), Range(BACKFILL, 0, 0, 1), Range(LIVE, 0, 2, 4)
    assert applied([[same, first], [then]], delivered) == {first: (0, 1, 1), same: (0, 1, 0), then: (1, 0, 1)}


def test_messages_are_a_pure_function_of_the_seed() -> None:
    portions = make_portions(7, messages=2_000, poison_messages=50, seed=1)
    assert portions == make_portions(7, messages=2_000, poison_messages=50, seed=1)
    assert portions != make_portions(7, messages=2_000, poison_messages=50, seed=2)
    assert sum(map(len, portions)) >= 2_000
    assert sum(bool(each.reason) for portion in portions for each in portion) >= 50
