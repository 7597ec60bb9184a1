"""Which version of a bar is the newest, and what counts as a change."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marketpulse_spark.schemas import OBSERVATIONS
from marketpulse_spark.transforms.bars import SERIES
from marketpulse_spark.transforms.versions import with_newest_version
from pyspark.sql import SparkSession
from pyspark.testing import assertDataFrameEqual

from tests.unit.spark_jobs.messages import START
from tests.unit.spark_jobs.rows import frame, observation

DAY = START + dt.timedelta(days=1)
LATER = DAY + dt.timedelta(hours=1)


def newest(spark: SparkSession, rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """is_stored, close and is_changed of each bar's newest row, in the order of ts."""
    result = with_newest_version(frame(spark, rows), SERIES).where("is_newest").orderBy("symbol", "ts")
    return [tuple(row) for row in result.select("is_stored", "close", "is_changed").collect()]


def test_first_observation_is_newest_and_a_change(spark: SparkSession) -> None:
    assert newest(spark, [observation(0, "1")]) == [(False, 1, True)]


def test_later_fetch_wins_wherever_it_stands(spark: SparkSession) -> None:
    rows = [observation(0, "1", fetched_at=DAY + dt.timedelta(microseconds=1)), observation(0, "2", fetched_at=DAY)]
    assert newest(spark, rows) == newest(spark, rows[::-1]) == [(False, 1, True)]


def test_equal_fetch_is_decided_by_values_as_numbers(spark: SparkSession) -> None:
    assert newest(spark, [observation(0, "9"), observation(0, "10")]) == [(False, 10, True)]


@pytest.mark.parametrize("column", ["open", "high", "low", "close", "volume"])
def test_each_value_takes_part_in_the_order_and_in_what_is_a_change(spark: SparkSession, column: str) -> None:
    stored = observation(0, "5", is_stored=True)
    greater = observation(0, "5") | {column: Decimal(11)}
    lesser = observation(0, "5") | {column: Decimal(1)}
    assert [found[0::2] for found in newest(spark, [lesser, stored, greater])] == [(False, True)]
    assert [found[0::2] for found in newest(spark, [lesser, stored])] == [(True, False)]
    assert [found[0::2] for found in newest(spark, [lesser | {"fetched_at": LATER}, stored])] == [(False, True)]


def test_stored_bar_wins_over_an_equal_message_which_changes_nothing(spark: SparkSession) -> None:
    rows = [observation(0, "1.50"), observation(0, "1.5", is_stored=True)]
    assert newest(spark, rows) == [(True, Decimal("1.5"), False)]


def test_same_values_fetched_later_change_nothing(spark: SparkSession) -> None:
    later = observation(0, "1.50000000", fetched_at=LATER)
    assert newest(spark, [observation(0, "1.5", is_stored=True), later]) == [(False, Decimal("1.5"), False)]


def test_late_older_version_changes_nothing(spark: SparkSession) -> None:
    late = observation(0, "2", fetched_at=DAY - dt.timedelta(hours=1))
    assert newest(spark, [observation(0, "1", is_stored=True), late]) == [(True, 1, False)]


def test_flip_flop_within_a_batch_that_ends_where_it_began_is_no_change(spark: SparkSession) -> None:
    rows = [
        observation(0, "1", is_stored=True),
        observation(0, "2", fetched_at=LATER),
        observation(0, "1", fetched_at=LATER + dt.timedelta(hours=1)),
    ]
    assert newest(spark, rows) == [(False, 1, False)]


def test_sources_symbols_and_minutes_are_bars_of_their_own(spark: SparkSession) -> None:
    rows = [
        observation(0, "1"),
        observation(1, "2"),
        observation(0, "3", source="coinbase"),
        observation(0, "4", symbol="BTCUSD"),
    ]
    assert len(newest(spark, rows)) == 4


def test_stored_bar_read_twice_is_newest_once(spark: SparkSession) -> None:
    stored = observation(0, "1", is_stored=True)
    assert newest(spark, [stored, stored]) == [(True, 1, False)]


def test_nothing_stays_nothing(spark: SparkSession) -> None:
    empty = with_newest_version(frame(spark, []), SERIES)
    assert empty.columns == [*OBSERVATIONS.names, "is_newest", "is_changed"]
    assert empty.collect() == []


@settings(deadline=None, max_examples=6)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["1", "1.0", "2", "10"]), st.integers(0, 2)),
        min_size=1,
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_order_of_arrival_decides_nothing(spark: SparkSession, seen: list[tuple[int, str, int]], random: Any) -> None:
    rows = [
        observation(number, close, fetched_at=DAY + dt.timedelta(seconds=fetched)) for number, close, fetched in seen
    ]
    shuffled = random.sample(rows, len(rows))
    values = ["ts", "close", "fetched_at", "is_changed"]
    one, other = (
        with_newest_version(frame(spark, each), SERIES).where("is_newest").select(*values) for each in (rows, shuffled)
    )
    assertDataFrameEqual(one, other)
