"""Islands of bars, and bars as numbers."""

from __future__ import annotations

import datetime as dt
import itertools

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from marketpulse_spark.islands import ISLANDS, find_islands
from marketpulse_spark.keys import bars_among, contested_bars
from marketpulse_spark.schemas import ROWS

from tests.unit.spark_jobs.messages import START
from tests.unit.spark_jobs.rows import dead_letter, parsed_bar

KEY = pa.schema([ROWS.field(name) for name in ("symbol", "source", "ts")])
#: Symbol, source and minute of a bar.
Bar = tuple[str, str, int]

bars = st.lists(
    st.tuples(st.sampled_from(["A", "A B", "B"]), st.sampled_from(["x", "y", "x_y"]), st.integers(-3000, 3000)),
    max_size=40,
)


def batch(*rows: dict[str, object]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=ROWS)


def keys(found: list[Bar]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"symbol": symbol, "source": source, "ts": START + dt.timedelta(minutes=n)} for symbol, source, n in found],
        schema=KEY,
    )


def minutes(islands: pa.Table) -> list[tuple[int, str, int, int]]:
    found = islands.to_pylist()
    return sorted(
        (
            row["partition"],
            row["symbol"],
            int((row["first_ts"] - START).total_seconds()) // 60,
            int((row["last_ts"] - START).total_seconds()) // 60,
        )
        for row in found
    )


def test_a_series_is_cut_where_more_than_a_day_lies_between() -> None:
    day = 24 * 60
    rows = [parsed_bar(number, 0, partition=1) for number in (5, 0, day + 5, 2 * day + 6, 9 * day)]
    islands = find_islands([batch(*rows[:2]), batch(*rows[2:])])
    assert islands.schema.equals(ISLANDS)
    assert minutes(islands) == [
        (1, "MSFT", 0, day + 5),
        (1, "MSFT", 2 * day + 6, 2 * day + 6),
        (1, "MSFT", 9 * day, 9 * day),
    ]


def test_series_stay_apart() -> None:
    rows = [
        parsed_bar(1, 0),
        parsed_bar(2, 0, symbol="IBM"),
        parsed_bar(3, 0, source="coinbase"),
        parsed_bar(4, 0, partition=1),
    ]
    assert len(minutes(find_islands([batch(*rows)]))) == 4


def test_dead_letters_have_no_island() -> None:
    assert minutes(find_islands([batch(dead_letter(1), parsed_bar(7, 0))])) == [(0, "MSFT", 7, 7)]
    for nothing in ([], [batch()], [batch(dead_letter(1))]):
        islands = find_islands(nothing)
        assert islands.schema.equals(ISLANDS)
        assert islands.num_rows == 0


@given(st.lists(st.integers(-10, 20_000), min_size=1, max_size=30))
def test_islands_cover_each_bar_once(numbers: list[int]) -> None:
    islands = minutes(find_islands([batch(*(parsed_bar(number, 0) for number in numbers))]))
    for number in numbers:
        assert sum(first <= number <= last for _, _, first, last in islands) == 1
    for (_, _, _, last), (_, _, first, _) in itertools.pairwise(islands):
        assert first - last > 24 * 60


@given(bars, bars)
def test_contested_bars_are_those_met_twice(batch_bars: list[Bar], known: list[Bar]) -> None:
    contested = contested_bars(keys(batch_bars), keys(known)).to_pylist()
    assert contested == [batch_bars.count(bar) > 1 or bar in known for bar in batch_bars]


@given(bars, bars)
def test_bars_among_others(one: list[Bar], other: list[Bar]) -> None:
    assert bars_among(keys(one), keys(other)).to_pylist() == [bar in other for bar in one]


def test_times_before_1970_and_far_ones_are_not_mistaken() -> None:
    far = [(symbol, "x", number) for symbol in ("A", "B") for number in (-1_000_000_000, -1, 0, 1, 4_000_000_000)]
    assert contested_bars(keys(far), keys([])).to_pylist() == [False] * len(far)
