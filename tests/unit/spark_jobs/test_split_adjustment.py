"""Indicators over splits, against the reference on prices that are in the shares of the bar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pyarrow as pa
import pytest
from marketpulse_spark.rebasing import Rebasing
from marketpulse_spark.schemas import OBSERVATIONS, OBSERVATIONS_DDL
from marketpulse_spark.splits import ShareBases, Split
from marketpulse_spark.transforms.bars import affected_indicators
from marketpulse_spark.transforms.indicators import REACH
from pyspark.sql import SparkSession

from tests.unit.spark_jobs.messages import START
from tests.unit.spark_jobs.rows import candle, observation
from tests.unit.spark_jobs.test_indicators import PRICES, as_bars, assert_as_reference, walk


def split(number: int, before: str, after: str) -> Split:
    """A split that is effective `number` minutes after START."""
    return Split(START + dt.timedelta(minutes=number), Decimal(before), Decimal(after))


def affected(
    spark: SparkSession, rows: list[dict[str, Any]], splits: Sequence[Split], batch: int = 37, symbol: str = "MSFT"
) -> pd.DataFrame:
    """The indicators that would be written, of rows that arrive in batches."""
    rebasing = Rebasing(ShareBases({symbol: splits} if splits else {}), REACH)
    seen = [
        rebasing.numbered(pa.RecordBatch.from_pylist(rows[start : start + batch], schema=OBSERVATIONS))
        for start in range(0, len(rows), batch)
    ]
    table = pa.Table.from_batches([*seen, *rebasing.rebased()], OBSERVATIONS)
    found = affected_indicators(spark.createDataFrame(table, OBSERVATIONS_DDL)).toArrow().to_pandas()
    return found.sort_values(["source", "ts"]).reset_index(drop=True)


def in_shares_of(rows: list[dict[str, Any]], splits: Sequence[Split], basis: int) -> pd.DataFrame:
    """Bars up to the end of a basis, their prices in its shares."""
    adjusted = []
    for row in rows:
        own = sum(each.effective_at <= row["ts"] for each in splits)
        if own <= basis:
            ratio = np.prod([float(each.after) for each in splits[own:basis]])
            adjusted.append(row | {name: float(row[name]) / ratio for name in PRICES})
    return as_bars(adjusted)


def assert_right(found: pd.DataFrame, rows: list[dict[str, Any]], splits: Sequence[Split]) -> None:
    basis = sum((found["ts"] >= each.effective_at).astype(int) for each in splits)
    for number, of_basis in found.groupby(basis):
        assert_as_reference(of_basis, in_shares_of(rows, splits, int(str(number))))


@pytest.mark.parametrize(
    "splits",
    [
        [split(70, "2", "2")],
        [split(70, "0.1", "0.1")],
        [split(70, "2", "2"), split(85, "1.046", "1.046"), split(86, "3", "3")],
        [split(0, "2", "2"), split(-500, "7", "7"), split(500, "5", "5")],
    ],
    ids=["split", "reverse split", "three in one window", "none between bars"],
)
def test_every_bar_is_in_its_own_shares(spark: SparkSession, splits: list[Split]) -> None:
    splits = sorted(splits, key=lambda each: each.effective_at)
    rows = [
        candle(2 * number if number > 100 else number, price, source=source)
        for source, seed in (("alpha_vantage", 1), ("coinbase", 2))
        for number, price in enumerate(walk(170, seed))
    ]
    found = affected(spark, rows[::-1], splits)
    assert len(found) == len(rows)
    assert_right(found, rows, splits)


def test_known_values(spark: SparkSession) -> None:
    """Two for one between two bars of the same worth: nothing has changed."""
    rows = [observation(number, "100" if number < 60 else "50") for number in range(120)]
    found = affected(spark, rows, [split(60, "2", "2")])
    assert found["sma_5"].dropna().tolist() == [100.0] * 56 + [50.0] * 60
    assert found["sma_60"].dropna().tolist() == [100.0] + [50.0] * 60
    assert set(found["change_60"].dropna()) == set(found["change_pct_1"].dropna()) == {0.0}


def test_a_split_changes_no_bit_of_windows_that_it_is_not_in(spark: SparkSession) -> None:
    rows = [candle(number, price) for number, price in enumerate(walk(300))]
    without = affected(spark, rows, [])
    # 1.046 has no exact double; a factor from the first share on would show in every bar after it.
    adjusted = affected(spark, rows, [split(100, "1.046", "1.046"), split(200, "3", "3")])
    apart = (without.index < 100) | (without.index >= 160) & (without.index < 200) | (without.index >= 260)
    pd.testing.assert_frame_equal(adjusted[apart], without[apart], check_exact=True)
    earlier = affected(spark, rows, [split(200, "3", "3")])
    pd.testing.assert_frame_equal(adjusted.loc[200:], earlier.loc[200:], check_exact=True)


@pytest.mark.parametrize(
    ("splits", "touched"),
    [
        ([split(100, "1", "2")], range(100, 160)),
        ([split(100, "2", "1")], range(100, 160)),
        ([split(100, "2", "3"), split(120, "5", "5")], range(100, 160)),
        ([split(100, "2", "1"), split(110, "1", "2")], range(100, 170)),
        ([split(100, "2", "2")], range(0)),
        ([split(400, "1", "2")], range(0)),
        ([split(0, "1", "2")], range(0)),
    ],
    ids=["new", "withdrawn", "revised", "moved", "known", "after all bars", "before all bars"],
)
def test_news_of_a_split_affects_the_sixty_bars_after_it(
    spark: SparkSession, splits: list[Split], touched: range
) -> None:
    rows = [candle(number, price, is_stored=True) for number, price in enumerate(walk(300))]
    found = affected(spark, rows, splits)
    assert found["ts"].tolist() == [rows[number]["ts"] for number in touched]
    assert_right(found, rows, splits)


def test_a_bar_that_changes_before_a_split_affects_bars_on_both_sides(spark: SparkSession) -> None:
    rows = [candle(number, price, is_stored=True) for number, price in enumerate(walk(300))]
    rows[90] = observation(90, "123")
    splits = [split(100, "2", "2")]
    found = affected(spark, rows, splits)
    assert found["ts"].tolist() == [rows[number]["ts"] for number in range(90, 151)]
    assert_right(found, rows, splits)


def test_superseded_versions_before_a_split_move_nothing(spark: SparkSession) -> None:
    prices = walk(120)
    late = [observation(number, "9999", fetched_at=observation(-2000)["ts"]) for number in range(120)]
    right = [candle(number, price) for number, price in enumerate(prices)]
    splits = [split(60, "2", "2")]
    found = affected(spark, [*late, *right], splits)
    assert len(found) == 120
    assert_right(found, right, splits)


def test_only_bars_that_windows_look_back_at_are_there_twice() -> None:
    rebasing = Rebasing(ShareBases({"MSFT": [split(500, "2", "2"), split(2000, "3", "3")]}), REACH)
    rows = [observation(number) for number in range(1000)] + [observation(1, source="other", symbol="IBM")]
    numbered = rebasing.numbered(pa.RecordBatch.from_pylist(rows, schema=OBSERVATIONS))
    assert numbered["basis"].to_pylist() == [0] * 500 + [1] * 500 + [0]
    (again,) = rebasing.rebased()
    assert again["ts"].to_pylist() == [row["ts"] for row in rows[440:500]]
    assert (set(again["basis"].to_pylist()), set(again["divisor"].to_pylist())) == ({1}, {2.0})
