"""The transforms of forecasts: which series have rows, and that they are those of the models."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from marketpulse_spark.forecast_schemas import SESSION_PRICES
from marketpulse_spark.forecasts import ewma, har, logistic, tables
from marketpulse_spark.forecasts.series import read_series, realised_variance
from marketpulse_spark.transforms import forecasts
from pyspark.sql import DataFrame, SparkSession

from tests.unit.spark_jobs.forecast_rows import day, prices, sessions

#: As many as forecasts want, and the one before them.
COUNT = tables.LEAST_SESSIONS + 1
LONG = prices(COUNT, 1)


def frame(spark: SparkSession, *each: pd.DataFrame) -> DataFrame:
    """The rows of series, the newest first."""
    records = [record for rows in each for record in rows.astype(object).where(rows.notna(), None).to_dict("records")]
    for record in records:
        record["closes"] = None if record["closes"] is None else record["closes"].tolist()
    return spark.createDataFrame(records[::-1], SESSION_PRICES)


def found(result: DataFrame) -> list[dict[str, Any]]:
    return [row.asDict() for row in result.collect()]


def test_each_series_with_enough_sessions_has_a_row_of_each_model(spark: SparkSession) -> None:
    short, new = sessions(LONG[1:], symbol="SHORT"), sessions([None], symbol="NEW")
    result = found(forecasts.forecasts(frame(spark, sessions(LONG, symbol="LONG"), short, new)))
    series = read_series(sessions(LONG))
    assert {(row["quantity"], row["model"]): (row["value"], row["training_sessions"]) for row in result} == {
        ("volatility", "random_walk"): (math.sqrt(series.variances[-1]), 1),
        ("volatility", "ewma"): (ewma.volatility(series).value, 74),
        ("volatility", "har"): (har.volatility(series).value, 100),
        ("direction", "random_walk"): ((series.rises[22:].sum() + 1) / 102, 100),
        ("direction", "logistic"): (logistic.direction(series).value, 100),
    }
    assert {(row["symbol"], row["source"], row["for_session"]) for row in result} == {("LONG", "a", day(COUNT))}
    (fitted,) = [json.loads(row["coefficients"]) for row in result if row["model"] == "har"]
    assert fitted == har.volatility(series).coefficients


def test_outcomes_are_of_the_newest_session(spark: SparkSession) -> None:
    both = frame(spark, sessions(LONG, symbol="LONG"), sessions([*LONG[:3], None], symbol="IDLE"))
    volatility = math.sqrt(realised_variance(np.array(LONG[-1])))
    assert sorted(found(forecasts.outcomes(both)), key=lambda row: str(row["quantity"])) == [
        {"symbol": "LONG", "source": "a", "quantity": "direction", "outcome": float(LONG[-1][-1] > LONG[-2][-1])},
        {"symbol": "LONG", "source": "a", "quantity": "volatility", "outcome": volatility},
    ]


@pytest.mark.parametrize("newest", [None, [100.0, 101.0], [100.0] * 5])
def test_without_the_newest_session_nothing_is_said_of_the_next(newest: list[float] | None) -> None:
    """Nobody traded, one price of four, or none that moved."""
    rows = sessions([*LONG, newest])
    assert tables.forecast_rows(rows).empty
    assert tables.outcome_rows(rows).empty


def test_no_input_is_no_error(spark: SparkSession) -> None:
    nothing = frame(spark, sessions([]))
    assert found(forecasts.forecasts(nothing)) == []
    assert found(forecasts.outcomes(nothing)) == []
