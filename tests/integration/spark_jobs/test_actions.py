"""What a load makes of splits and dividends: what is true, what was known when, which indicators change."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.spark_jobs import feed as messages
from tests.integration.spark_jobs.expected import expected, found
from tests.integration.spark_jobs.feed import Feed, Record, dividend, fetched
from tests.integration.spark_jobs.test_load import WRITERS, load
from tests.integration.spark_jobs.warehouse import Warehouse
from tests.unit.spark_jobs.action_messages import POISON

#: 10:00, which is midnight of this day in one time zone and of the next in another: both may split within an hour.
ZERO = 600


def bar(number: int, close: str, **changes: Any) -> Record:
    return messages.bar(ZERO + number, close, **changes)


def split(number: int, ratio: str, day: int = 1, **changes: Any) -> Record:
    return messages.split(ZERO + number, ratio, **({"ex_date": f"2024-03-0{day}"} | changes))


BARS = [bar(number, f"{100 + number % 17}.{number:03}", fetched_at=fetched(1)) for number in range(250)]


def indicators(warehouse: Warehouse) -> dict[str, str]:
    """Version of each row, by the minute of its bar."""
    return dict(
        warehouse.rows("SELECT source || to_char(ts, ' DD HH24:MI'), xmin::text || ctid FROM analytics.indicators_1m")
    )


def rewritten(before: dict[str, str], warehouse: Warehouse) -> list[str]:
    """Bars whose indicators were written since; none was deleted."""
    after = indicators(warehouse)
    assert before.keys() <= after.keys()
    return sorted(minute for minute, version in after.items() if before.get(minute) != version)


def minutes(first: int, last: int, source: str = "alpha_vantage") -> list[str]:
    return [f"{source} 01 {10 + number // 60}:{number % 60:02}" for number in range(first, last)]


@WRITERS
@pytest.mark.parametrize("ratio", ["2", "0.1", "1.046"], ids=["split", "reverse split", "odd split"])
def test_a_late_split_recomputes_exactly_the_bars_it_touches(
    feed: Feed, warehouse: Warehouse, writer: str, ratio: str
) -> None:
    other = [bar(number, "7", source="coinbase") for number in range(30, 200)]
    feed.publish([*BARS, *other, *(bar(number, "5", symbol="IBM") for number in range(200))])
    load(feed, writer)
    before = indicators(warehouse)
    bars = warehouse.dump("market.bars_1m", with_versions=True)
    late = split(100, ratio)
    feed.publish_actions(late)
    load(feed, writer)
    assert found(warehouse) == expected([*BARS, *other, *(bar(n, "5", symbol="IBM") for n in range(200))], [late])
    assert rewritten(before, warehouse) == minutes(100, 160) + minutes(100, 160, "coinbase")
    assert warehouse.dump("market.bars_1m", with_versions=True) == bars
    warehouse.assert_counts_agree()
    assert warehouse.rows(
        "SELECT messages, applied, newest_bar FROM ops.batch_ranges WHERE topic = %s", feed.actions
    ) == [(1, 1, None)]


@WRITERS
def test_known_before_its_bars_a_split_adjusts_them_as_they_come(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    known = split(100, "2")
    feed.publish_actions(known)
    load(feed, writer)
    for part in (BARS[:95], BARS[95:105], BARS[105:]):
        feed.publish(part)
        load(feed, writer)
    assert found(warehouse) == expected(BARS, [known])


@WRITERS
def test_revised_moved_and_withdrawn(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    feed.publish(BARS)
    said = [split(100, "2")]
    feed.publish_actions(*said)
    load(feed, writer)
    for second, (start, ratio, touched) in enumerate(
        [(100, "3", (100, 160)), (110, "3", (100, 170)), (110, "1", (110, 170)), (110, "3", (110, 170))], 1
    ):
        before = indicators(warehouse)
        said.append(split(start, ratio, fetched_at=fetched(second)))
        feed.publish_actions(said[-1])
        load(feed, writer)
        assert rewritten(before, warehouse) == minutes(*touched), (start, ratio)
        assert found(warehouse) == expected(BARS, said)
    assert warehouse.rows(
        "SELECT to_char(effective_at, 'HH24:MI'), ratio::float8, extract(second FROM known_from)::int,"
        " extract(second FROM known_until)::int FROM market.corporate_action_versions ORDER BY known_from"
    ) == [("11:40", 2, 0, 1), ("11:40", 3, 1, 2), ("11:50", 3, 2, 3), ("11:50", 1, 3, 4), ("11:50", 3, 4, None)]


@WRITERS
def test_what_is_no_news_rewrites_nothing(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    """A duplicate, a confirmation, an older version, and news of a split that no bar is near."""
    feed.publish(BARS)
    first = split(100, "2", fetched_at=fetched(5))
    feed.publish_actions(first)
    load(feed, writer)
    before = indicators(warehouse)
    again = [
        first,
        split(100, "2.0000", fetched_at=fetched(7)),
        split(100, "9", fetched_at=fetched(3)),
        split(100, "9", fetched_at=fetched(6), source="coinbase"),
        messages.split(-1440, "5"),
        messages.split(14400, "5"),
        split(100, "5", symbol="IBM"),
    ]
    feed.publish_actions(*again)
    load(feed, writer)
    assert rewritten(before, warehouse) == []
    assert found(warehouse) == expected(BARS, [first, *again])
    assert warehouse.rows(
        "SELECT sum(messages), sum(duplicates), sum(applied) FROM ops.batch_ranges WHERE topic = %s", feed.actions
    ) == [(8, 2, 6)]


@WRITERS
def test_a_dividend_changes_no_indicator(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    feed.publish(BARS)
    load(feed, writer)
    before = indicators(warehouse)
    paid = dividend(100, "1.69")
    feed.publish_actions(paid)
    load(feed, writer)
    assert rewritten(before, warehouse) == []
    assert found(warehouse) == expected(BARS, [paid])
    assert warehouse.rows(
        "SELECT kind, ex_date::text, ratio, amount::float8, currency FROM market.corporate_actions"
    ) == [("dividend", "2024-03-01", None, 1.69, "USD")]


@pytest.mark.parametrize(
    "order",
    [
        each
        for each in itertools.permutations(("bars", "more bars", "first", "second"))
        if each.index("bars") < each.index("more bars")
    ],
    ids=" ".join,
)
def test_two_splits_in_one_window_in_any_order(feed: Feed, warehouse: Warehouse, order: tuple[str, ...]) -> None:
    first, second = split(100, "2"), split(130, "1.5", day=2)
    steps: dict[str, Callable[[], None]] = {
        "bars": lambda: feed.publish(BARS[:125]),
        "more bars": lambda: feed.publish(BARS[125:], backfill=True),
        "first": lambda: feed.publish_actions(first),
        "second": lambda: feed.publish_actions(second),
    }
    for step in order:
        steps[step]()
        feed.load()
    assert found(warehouse) == expected(BARS, [first, second])
    warehouse.assert_counts_agree()


@WRITERS
def test_bars_and_their_split_in_one_batch(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    feed.publish(BARS[:60])
    load(feed, writer)
    said: list[Record] = [
        split(100, "2"),
        split(100, "4", fetched_at=fetched(2)),
        split(140, "0.5", day=2),
    ]
    feed.publish_actions(*said)
    feed.publish(BARS[60:])
    feed.publish([bar(99, "500", fetched_at=fetched(9))], backfill=True)
    load(feed, writer)
    assert found(warehouse) == expected([*BARS, bar(99, "500", fetched_at=fetched(9))], said)
    warehouse.assert_counts_agree()


@WRITERS
def test_poison_of_every_kind_is_kept_and_stops_nothing(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    feed.publish(BARS)
    feed.publish_actions(*((key, raw) for _, _, key, raw in POISON), split(100, "2"), partition=0)
    feed.publish_actions(split(100, "3", symbol="IBM"))
    feed.load()
    assert warehouse.rows("SELECT reason, payload FROM ops.dead_letters ORDER BY kafka_offset") == [
        (reason, raw) for _, reason, _, raw in POISON
    ]
    assert found(warehouse) == expected(BARS, [split(100, "2"), split(100, "3", symbol="IBM")])
    warehouse.assert_counts_agree()


def test_an_action_that_waits_in_another_partition_is_left_to_the_driver(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(BARS)
    feed.load()
    for partition in range(2):
        feed.publish_actions(split(100, f"{2 + partition}", fetched_at=fetched(partition)), partition=partition)
    feed.load_by_executors()
    said = [split(100, f"{2 + second}", fetched_at=fetched(second)) for second in range(2)]
    assert found(warehouse) == expected(BARS, said)
    writers = [("driver",), ("executors",), ("driver",)]
    assert warehouse.rows("SELECT writer FROM ops.batches ORDER BY batch_id") == writers
