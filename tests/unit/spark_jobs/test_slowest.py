"""Which message of a range is its slowest live one."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.ranges import RangeCount
from marketpulse_spark.slowest import live_messages, with_slowest

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
LIVE_FOR = dt.timedelta(minutes=15)
RANGES = [OffsetRange("live", partition, 0, 9) for partition in (0, 1)]
_TIME = pa.timestamp("us", tz="UTC")
_LAYOUT = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("symbol", pa.string()),
        ("happened_at", _TIME),
        ("fetched_at", _TIME),
        ("kafka_ts", _TIME),
    ]
)


def message(happened: float, fetched: float, kafka: float, symbol: str = "MSFT", partition: int = 0) -> dict[str, Any]:
    """A message by seconds after noon."""
    times = {"happened_at": happened, "fetched_at": fetched, "kafka_ts": kafka}
    return {"topic": "live", "partition": partition, "symbol": symbol} | {
        name: NOON + dt.timedelta(seconds=seconds) for name, seconds in times.items()
    }


def slowest_of_ranges(*messages: dict[str, Any]) -> list[list[float] | None]:
    """By range, the three times of its slowest live message, in seconds after noon."""
    rows = pa.Table.from_pylist(list(messages), _LAYOUT)
    live = live_messages(rows.drop_columns("happened_at"), rows["happened_at"], ["symbol"], LIVE_FOR)
    counts = with_slowest([RangeCount(each, 9, 0, 0, 9, None) for each in RANGES], live, RANGES)
    assert [count.range for count in counts] == RANGES
    times = [(count.slowest_at, count.slowest_fetched_at, count.slowest_kafka_ts) for count in counts]
    return [[(each - NOON).total_seconds() for each in found if each] or None for found in times]


def slowest(*messages: dict[str, Any]) -> list[float] | None:
    """The same of the first range, where all of them are."""
    first, second = slowest_of_ranges(*messages)
    assert second is None
    return first


def test_of_answers_the_one_whose_message_happened_first() -> None:
    assert slowest(message(0, 3, 3.1), message(60, 63, 64, "IBM"), message(60, 62, 65)) == [0, 3, 3.1]


def test_of_messages_that_happened_together_the_one_that_kafka_had_last() -> None:
    assert slowest(message(0, 2, 2.1), message(0, 3, 3.2, "IBM"), message(0, 1, 1.1, "BTCUSD")) == [0, 3, 3.2]


def test_of_an_answer_only_the_newest_is_live() -> None:
    assert slowest(*(message(60 * minute, 302, 303) for minute in range(6))) == [300, 302, 303]


def test_answers_that_waited_in_kafka_count_each() -> None:
    assert slowest(message(0, 2, 3), message(60, 62, 63), message(120, 122, 123)) == [0, 2, 3]


def test_what_was_fetched_long_after_it_happened_is_history() -> None:
    late = LIVE_FOR.total_seconds()
    assert slowest(message(0, late, late)) == [0, late, late]
    assert slowest(message(0, late + 1, late + 1)) is None
    assert slowest(message(0, late + 1, late + 1), message(900, late + 1, late + 2, "IBM")) == [900, 901, 902]


def test_without_messages_none_is_slowest() -> None:
    assert slowest() is None


def test_each_range_has_its_own() -> None:
    messages = message(60, 62, 63), message(0, 2, 3, "IBM", partition=1), message(60, 63, 64, "IBM", partition=1)
    assert slowest_of_ranges(*messages) == [[60, 62, 63], [0, 2, 3]]


def test_an_answer_whose_messages_lie_in_several_ranges_is_one() -> None:
    assert slowest_of_ranges(message(0, 62, 63), message(60, 62, 63, partition=1)) == [None, [60, 62, 63]]
