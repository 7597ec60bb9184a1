"""50 values of simple series, worked by hand: golden_indicators.csv has the working of each."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd  # type: ignore[import-untyped]
import pytest
from marketpulse_spark.transforms.indicators import INDICATORS
from pyspark.sql import SparkSession

from tests.unit.spark_jobs.rows import observation
from tests.unit.spark_jobs.test_indicators import affected

_TABLE = Path(__file__).with_name("golden_indicators.csv").read_text(encoding="utf-8")
GOLDEN = list(csv.DictReader(_TABLE.splitlines()))
#: High, low and close of the 61 bars of each series.
SERIES = {
    "ladder": [(101 + bar, 99 + bar, 100 + bar) for bar in range(61)],
    "flat": [(50, 50, 50)] * 61,
    "zigzag": [(100 + 2 * (bar % 2),) * 3 for bar in range(61)],
    "steps": [(100 + bar + 2 * (bar % 2),) * 3 for bar in range(61)],
    "jump": [(100, 100, 100)] * 60 + [(115, 98, 113)],
}


@pytest.fixture(scope="module")
def computed(spark: SparkSession) -> pd.DataFrame:
    """Everything, by series and number of the bar."""
    rows = [
        observation(number, source=series, high=str(high), low=str(low), close=str(close))
        for series, bars in SERIES.items()
        for number, (high, low, close) in enumerate(bars)
    ]
    found = affected(spark, rows)
    return found.assign(bar=found.groupby("source").cumcount()).set_index(["source", "bar"])


def test_there_are_fifty_of_every_indicator() -> None:
    assert len(GOLDEN) == 50
    assert {row["indicator"].rstrip("0123456789") for row in GOLDEN} == {
        name.rstrip("0123456789") for name in INDICATORS
    }


@pytest.mark.parametrize("row", GOLDEN, ids=lambda row: f"{row['series']} {row['bar']} {row['indicator']}")
def test_known_value(computed: pd.DataFrame, row: dict[str, str]) -> None:
    found = computed.loc[(row["series"], int(row["bar"])), row["indicator"]]
    wanted = float(row["value"] or "nan")
    assert found == pytest.approx(wanted, rel=1e-12, abs=1e-15, nan_ok=True)
