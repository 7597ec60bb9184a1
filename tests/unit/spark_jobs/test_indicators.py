"""Moving averages and price changes against pandas, and which bars count as affected."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from marketpulse_spark.transforms.bars import KEY, affected_indicators
from marketpulse_spark.transforms.indicators import INDICATORS, REACH
from pyspark.sql import SparkSession

from tests.unit.spark_jobs.reference import indicators
from tests.unit.spark_jobs.rows import frame, observation

BARS = Path(__file__).resolve().parents[4] / "shared/data/bars"


def affected(spark: SparkSession, rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """The indicators that would be written."""
    result = affected_indicators(frame(spark, rows)).toArrow().to_pandas()
    return result.sort_values(["symbol", "source", "ts"]).reset_index(drop=True)


def walk(count: int, seed: int = 1) -> list[str]:
    """Prices of a random walk, as printed."""
    generator = random.Random(seed)  # noqa: S311 - prices
    price = 100.0
    prices = []
    for _ in range(count):
        price = max(0.01, price * (1 + generator.gauss(0, 0.01)))
        prices.append(f"{price:.4f}")
    return prices


def assert_as_pandas(found: pd.DataFrame, every_bar: list[dict[str, Any]]) -> None:
    """Compares found bars with those of all bars' recomputation, to a relative 1e-9."""
    bars = pd.DataFrame(every_bar, columns=["symbol", "source", "ts", "close"]).astype({"close": "float64"})
    wanted = indicators(bars).merge(found[["symbol", "source", "ts"]], on=["symbol", "source", "ts"])
    assert len(wanted) == len(found)
    for name in INDICATORS:
        np.testing.assert_allclose(
            found[name].to_numpy(dtype=float), wanted[name].to_numpy(), rtol=1e-9, atol=1e-9, err_msg=name
        )


def test_all_bars_of_a_first_load(spark: SparkSession) -> None:
    rows = [
        observation(3 * number if number > 80 else number, price, symbol=symbol, source=source)
        for symbol, source, seed in (("MSFT", "alpha_vantage", 1), ("MSFT", "coinbase", 2), ("BTCUSD", "coinbase", 3))
        for number, price in enumerate(walk(150, seed))
    ]
    found = affected(spark, reversed(rows))
    assert len(found) == len(rows)
    assert_as_pandas(found, rows)


def test_nothing_is_said_before_enough_bars_exist(spark: SparkSession) -> None:
    found = affected(spark, [observation(number, price) for number, price in enumerate(walk(61))])
    for name, first in {"sma_5": 4, "sma_20": 19, "sma_60": 59, "change_1": 1, "change_5": 5, "change_60": 60}.items():
        assert found[name].first_valid_index() == first, name
        assert found[name].notna().sum() == 61 - first, name
    assert found["change_pct_15"].first_valid_index() == 15


def test_known_values(spark: SparkSession) -> None:
    found = affected(spark, [observation(number, str(price)) for number, price in enumerate(range(1, 62))])
    last = found.iloc[-1]
    assert (last["sma_5"], last["sma_20"], last["sma_60"]) == (59.0, 51.5, 31.5)
    assert (last["change_1"], last["change_60"], last["change_pct_60"]) == (1.0, 60.0, 6000.0)


def test_one_new_bar_affects_itself_and_sixty_after_it(spark: SparkSession) -> None:
    prices = walk(300)
    stored = [observation(number, price, is_stored=True) for number, price in enumerate(prices) if number != 150]
    new = observation(150, prices[150])
    found = affected(spark, [*stored, new])
    assert list(found["ts"]) == [observation(number)["ts"] for number in range(150, 150 + REACH + 1)]
    assert_as_pandas(found, [*stored, new])


def test_a_message_that_changes_nothing_affects_nothing(spark: SparkSession) -> None:
    stored = [observation(number, "5", is_stored=True) for number in range(70)]
    assert affected(spark, [*stored, observation(3, "5.00")]).empty


def test_superseded_versions_move_no_average(spark: SparkSession) -> None:
    prices = walk(80)
    late = [observation(number, "9999", fetched_at=observation(-2000)["ts"]) for number in range(80)]
    right = [observation(number, price) for number, price in enumerate(prices)]
    found = affected(spark, [*late, *right])
    assert len(found) == 80
    assert_as_pandas(found, right)


def test_hole_between_two_islands_leaks_into_neither(spark: SparkSession) -> None:
    """With REACH stored bars after one change and before another, what lies between is not read back."""
    prices = walk(1000)
    every = [observation(number, price, is_stored=True) for number, price in enumerate(prices)]
    first, second = 200, 800
    read = [row for place in (first, second) for row in every[place - REACH : place + REACH + 1]]
    changed = [observation(place, "123", volume="11", fetched_at=every[0]["fetched_at"]) for place in (first, second)]
    found = affected(spark, [row for row in read if row not in (every[first], every[second])] + changed)
    assert list(found["ts"]) == [every[place + n]["ts"] for place in (first, second) for n in range(REACH + 1)]
    for row in changed:
        every[(row["ts"] - every[0]["ts"]).seconds // 60] = row
    assert_as_pandas(found, every)


def test_nothing_affects_nothing(spark: SparkSession) -> None:
    nothing = affected_indicators(frame(spark, []))
    assert nothing.columns == [*KEY, *INDICATORS]
    assert nothing.collect() == []


@pytest.mark.skipif(not BARS.is_dir(), reason=f"real bars are not there: {BARS}")
@pytest.mark.parametrize("file", ["msft_1min_2020.csv", "coinbase_1min.csv.gz"])
def test_real_bars(spark: SparkSession, file: str) -> None:
    real = pd.read_csv(BARS / file, dtype=str).rename(columns={"time": "ts", "ts_utc": "ts"})
    real["ts"] = pd.to_datetime(real["ts"], utc=True)
    symbols = real["symbol"] if "symbol" in real else ["MSFT"] * len(real)
    rows = [
        observation(0, close, ts=ts.to_pydatetime(), symbol=symbol)
        for offset, (ts, close, symbol) in enumerate(zip(real["ts"], real["close"], symbols, strict=True))
    ]
    found = affected(spark, rows)
    assert len(found) == len(rows) > 11_000
    assert_as_pandas(found, rows)
