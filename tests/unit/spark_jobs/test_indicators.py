"""Indicators against TA-Lib and numpy and, to the last bit, plain Python; and which bars count as affected."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from marketpulse_spark.transforms.bars import KEY, affected_indicators
from marketpulse_spark.transforms.indicators import INDICATORS, MODULES, REACH
from marketpulse_spark.transforms.windows import in_time
from pyspark.sql import SparkSession

from tests.unit.spark_jobs.formulas import FORMULAS, Bars, value
from tests.unit.spark_jobs.reference import indicators
from tests.unit.spark_jobs.rows import candle, frame, observation

PRICES = ("high", "low", "close")
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


def as_bars(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """What `reference.indicators` takes."""
    return pd.DataFrame(rows, columns=[*KEY, *PRICES]).astype(dict.fromkeys(PRICES, "float64"))


def assert_as_reference(found: pd.DataFrame, bars: pd.DataFrame) -> None:
    """Compares found bars with those of all bars' recomputation, to a relative 1e-9."""
    everywhere = indicators(bars)
    wanted = everywhere.merge(found[[*KEY]], on=[*KEY])
    assert len(wanted) == len(found)
    for name in everywhere.columns.drop([*KEY, *PRICES]):
        np.testing.assert_allclose(
            found[name].to_numpy(dtype=float), wanted[name].to_numpy(), rtol=1e-9, atol=1e-12, err_msg=name
        )


def test_all_bars_of_a_first_load(spark: SparkSession) -> None:
    rows = [
        candle(3 * number if number > 80 else number, price, symbol=symbol, source=source)
        for symbol, source, seed in (("MSFT", "alpha_vantage", 1), ("MSFT", "coinbase", 2), ("BTCUSD", "coinbase", 3))
        for number, price in enumerate(walk(150, seed))
    ]
    found = affected(spark, reversed(rows))
    assert len(found) == len(rows)
    assert_as_reference(found, as_bars(rows))


def test_every_indicator_has_its_formula_and_every_column_one_module() -> None:
    assert set(FORMULAS) == set(INDICATORS)
    assert len(INDICATORS) == sum(len(module.COLUMNS) for module in MODULES)


def test_no_step_takes_the_name_of_another(spark: SparkSession) -> None:
    ordered = in_time(["symbol"])
    names = [name for module in MODULES for step in module.steps(ordered) for name in step]
    assert len(names) == len(set(names)) > len(INDICATORS)


def test_every_bit_follows_from_the_formula(spark: SparkSession) -> None:
    """That of plain Python, which is also what tables are compared with that were loaded in any order."""
    rows = [candle(number, price) for number, price in enumerate(walk(400))]
    found = affected(spark, rows).astype(object).where(pd.notna, None)
    newest_first = [[float(row[name]) for row in reversed(rows)] for name in PRICES]
    for ago, (_, row) in enumerate(found[::-1].iterrows()):
        window = Bars(*(prices[ago : ago + REACH + 1] for prices in newest_first))
        assert {name: row[name] for name in INDICATORS} == {name: value(name, window) for name in INDICATORS}


def test_nothing_is_said_before_enough_bars_exist(spark: SparkSession) -> None:
    found = affected(spark, [candle(number, price) for number, price in enumerate(walk(61))])
    firsts = {name: int(found[name].first_valid_index()) for name in INDICATORS}
    assert firsts == {name: bars for module in MODULES for name, bars in module.COLUMNS.items()}
    known = {"sma_5": 4, "sma_60": 59, "change_60": 60, "ema_12": 59, "bollinger_upper_20": 19, "rsi_14": 14}
    assert known.items() <= firsts.items()
    assert found[[*INDICATORS]].notna().sum().to_dict() == {name: 61 - first for name, first in firsts.items()}


def test_known_values(spark: SparkSession) -> None:
    found = affected(spark, [observation(number, str(price)) for number, price in enumerate(range(1, 62))])
    last = found.iloc[-1]
    assert (last["sma_5"], last["sma_20"], last["sma_60"]) == (59.0, 51.5, 31.5)
    assert (last["change_1"], last["change_60"], last["change_pct_60"]) == (1.0, 60.0, 6000.0)


def test_one_new_bar_affects_itself_and_sixty_after_it(spark: SparkSession) -> None:
    prices = walk(300)
    stored = [candle(number, price, is_stored=True) for number, price in enumerate(prices) if number != 150]
    new = candle(150, prices[150])
    found = affected(spark, [*stored, new])
    assert list(found["ts"]) == [observation(number)["ts"] for number in range(150, 150 + REACH + 1)]
    assert_as_reference(found, as_bars([*stored, new]))


def test_a_message_that_changes_nothing_affects_nothing(spark: SparkSession) -> None:
    stored = [observation(number, "5", is_stored=True) for number in range(70)]
    assert affected(spark, [*stored, observation(3, "5.00")]).empty


def test_superseded_versions_move_no_average(spark: SparkSession) -> None:
    prices = walk(80)
    late = [observation(number, "9999", fetched_at=observation(-2000)["ts"]) for number in range(80)]
    right = [candle(number, price) for number, price in enumerate(prices)]
    found = affected(spark, [*late, *right])
    assert len(found) == 80
    assert_as_reference(found, as_bars(right))


def test_hole_between_two_islands_leaks_into_neither(spark: SparkSession) -> None:
    """With REACH stored bars after one change and before another, what lies between is not read back."""
    prices = walk(1000)
    every = [candle(number, price, is_stored=True) for number, price in enumerate(prices)]
    first, second = 200, 800
    read = [row for place in (first, second) for row in every[place - REACH : place + REACH + 1]]
    changed = [observation(place, "123", volume="11", fetched_at=every[0]["fetched_at"]) for place in (first, second)]
    found = affected(spark, [row for row in read if row not in (every[first], every[second])] + changed)
    assert list(found["ts"]) == [every[place + n]["ts"] for place in (first, second) for n in range(REACH + 1)]
    for row in changed:
        every[(row["ts"] - every[0]["ts"]).seconds // 60] = row
    assert_as_reference(found, as_bars(every))


def test_what_comes_later_changes_nothing_before_it(spark: SparkSession) -> None:
    rows = [candle(number, price) for number, price in enumerate(walk(200))]
    before = affected(spark, rows)
    later = [candle(number, price) for number, price in enumerate(walk(200, seed=9))]
    after = affected(spark, rows[:120] + later[120:])
    pd.testing.assert_frame_equal(after[:120], before[:120], check_exact=True)
    assert (after[120:] != before[120:])[[*INDICATORS]].all(axis=None)


def test_nothing_affects_nothing(spark: SparkSession) -> None:
    nothing = affected_indicators(frame(spark, []))
    assert nothing.columns == [*KEY, *INDICATORS]
    assert nothing.collect() == []


@pytest.mark.skipif(not BARS.is_dir(), reason=f"real bars are not there: {BARS}")
@pytest.mark.parametrize("file", ["msft_1min_2020.csv", "coinbase_1min.csv.gz"])
def test_real_bars(spark: SparkSession, file: str) -> None:
    real = pd.read_csv(BARS / file, dtype=str).rename(columns={"time": "ts", "ts_utc": "ts"})
    real["ts"] = pd.to_datetime(real["ts"], utc=True)
    if "symbol" not in real:
        real["symbol"] = "MSFT"
    names = ["symbol", "ts", "open", "high", "low", "close", "volume"]
    rows = [observation(0, **bar) for bar in real[names].to_dict("records")]
    found = affected(spark, rows)
    assert len(found) == len(rows) > 11_000
    assert_as_reference(found, as_bars(rows))
