"""The transforms of the daily build: one row or many for each portfolio, nulls, short history, and no look ahead."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import pytest
from marketpulse_spark.portfolio_schemas import (
    BACKTESTS,
    CORRELATIONS,
    DAILY,
    OUTCOMES,
    POSITIONS,
    RISK,
    VALUATIONS,
    names,
)
from marketpulse_spark.portfolios import backtests, risk, tables
from marketpulse_spark.transforms import portfolios
from pyspark.sql import DataFrame, SparkSession
from scipy import stats

from tests.unit.spark_jobs.portfolio_rows import day, valuations, walk

SESSIONS = 330
CLOSES = {"BENCH": walk(SESSIONS, 1), "A": walk(SESSIONS, 2), "B": walk(SESSIONS, 3, 0.02)}
LONG = valuations(CLOSES, {"A": 10, "B": -4}, cash=500, portfolio="long")
SHORT = valuations({"BENCH": [1.0, 2.0], "C": [3.0, None]}, {"C": 1}, portfolio="short")
NO_OUTCOMES = pd.DataFrame(columns=names(OUTCOMES))


def outcomes(count: int, last: dt.date, *, exceeded: int = 0, method: str = "historical") -> pd.DataFrame:
    """Forecasts for sessions up to the last one, all of a loss of 10; the last one's outcome is not known yet."""
    rows = [
        (
            "long",
            method,
            0.95,
            last - dt.timedelta(days=ago),
            10.0,
            (-11.0 if ago <= exceeded else 1.0) if ago else None,
        )
        for ago in range(count)
    ]
    return pd.DataFrame(rows, columns=names(OUTCOMES))


def frame(spark: SparkSession, rows: pd.DataFrame, layout: str) -> DataFrame:
    return spark.createDataFrame(rows.astype(object).where(rows.notna(), None).to_dict("records"), layout)


def found(result: DataFrame) -> list[dict[str, Any]]:
    return sorted((row.asDict() for row in result.collect()), key=lambda row: [str(value) for value in row.values()])


def test_each_portfolio_has_its_row(spark: SparkSession) -> None:
    both = frame(spark, pd.concat([SHORT, LONG]).sample(frac=1, random_state=1), VALUATIONS)
    result = portfolios.portfolio_daily(both)
    assert result.columns == names(DAILY)
    long, short = found(result)
    assert (long["portfolio"], long["session"]) == ("long", day(SESSIONS - 1))
    assert long["nav"] == pytest.approx(10 * CLOSES["A"][-1] - 4 * CLOSES["B"][-1] + 500, rel=1e-12)
    assert long["gross_exposure"] - long["net_exposure"] == pytest.approx(8 * CLOSES["B"][-1], rel=1e-12)
    assert None not in long.values()
    assert (short["nav"], short["pnl"], short["session_return"], short["benchmark_return"]) == (3, 0, 0, 1)
    assert {name for name, value in short.items() if value is None} == {
        "volatility_21", "volatility_63", "beta_63", "sharpe_63", "drawdown_252", "max_drawdown_252"
    }  # fmt: skip


def test_positions_add_up_to_the_portfolio(spark: SparkSession) -> None:
    result = portfolios.portfolio_positions(frame(spark, pd.concat([LONG, SHORT]), VALUATIONS))
    assert result.columns == names(POSITIONS)
    a, b, c = found(result)
    (long,) = found(portfolios.portfolio_daily(frame(spark, LONG, VALUATIONS)))
    assert a["value"] + b["value"] + 500 == pytest.approx(long["nav"], rel=1e-12)
    assert a["pnl"] + b["pnl"] == pytest.approx(long["pnl"], rel=1e-12)
    assert a["weight"] + b["weight"] == pytest.approx(1 - 500 / long["nav"], rel=1e-12)
    # Of which session the price is, where nobody traded.
    assert (a["priced_on"], c["priced_on"]) == (day(SESSIONS - 1), day(0))


def test_correlations_of_each_pair_that_is_held(spark: SparkSession) -> None:
    result = portfolios.portfolio_correlations(frame(spark, pd.concat([LONG, SHORT]), VALUATIONS))
    assert result.columns == names(CORRELATIONS)
    (pair,) = found(result)
    a, b = (np.diff(CLOSES[symbol][-64:]) / CLOSES[symbol][-64:-1] for symbol in ("A", "B"))
    assert (pair["symbol"], pair["other_symbol"]) == ("A", "B")
    assert pair["correlation"] == pytest.approx(stats.pearsonr(a, b).statistic, rel=1e-9)


def test_risk_of_the_next_session(spark: SparkSession) -> None:
    result = portfolios.portfolio_risk(frame(spark, pd.concat([LONG, SHORT]), VALUATIONS))
    assert result.columns == names(RISK)
    rows = found(result)
    assert [(row["portfolio"], row["confidence"], row["method"]) for row in rows] == [
        (portfolio, confidence, method)
        for portfolio in ("long", "short")
        for method in ("filtered", "historical")
        for confidence in (0.95, 0.99)
    ]
    assert {row["for_session"] for row in rows[:4]} == {day(SESSIONS)}
    assert all(0 < row["value_at_risk"] < row["expected_shortfall"] for row in rows[:4])
    assert {row["value_at_risk"] for row in rows[4:]} == {row["expected_shortfall"] for row in rows[4:]} == {None}


def test_forecasts_are_tested_with_todays_outcome(spark: SparkSession) -> None:
    valued = frame(spark, pd.concat([LONG, SHORT]), VALUATIONS)
    today = day(SESSIONS - 1)
    result = portfolios.var_backtests(valued, frame(spark, outcomes(250, today, exceeded=20), OUTCOMES))
    assert result.columns == names(BACKTESTS)
    tested = {(row["portfolio"], row["method"], row["confidence"]): row for row in found(result)}
    assert len(tested) == 8
    row = tested["long", "historical", 0.95]
    assert tables.daily_rows(LONG)["pnl"].iloc[0] < -10, "today, too, more was lost"
    assert (row["observations"], row["exceedances"]) == (250, 21)
    exceeded = np.array([True] * 21 + [False] * 229)
    assert row["kupiec_lr"] == pytest.approx(backtests.kupiec(exceeded, 0.95).ratio, rel=1e-12)
    assert row["coverage_p"] == pytest.approx(backtests.conditional_coverage(exceeded[::-1], 0.95).p_value, rel=1e-9)
    for other in (tested["short", "historical", 0.95], tested["long", "filtered", 0.99]):
        assert (other["observations"], other["exceedances"]) == (0, 0)
        assert other["kupiec_lr"] is other["coverage_p"] is None


def test_fewer_forecasts_than_a_year_are_counted_and_not_tested() -> None:
    tested = tables.backtest_rows(LONG, outcomes(249, day(SESSIONS - 1), exceeded=3))
    row = tested[(tested["method"] == "historical") & (tested["confidence"] == 0.95)].iloc[0]
    assert row["observations"] == 249
    assert row["exceedances"] >= 3
    assert np.isnan(row["kupiec_p"])


def test_only_the_newest_year_of_forecasts_counts() -> None:
    known = outcomes(400, day(SESSIONS - 1))
    known.loc[known.index >= 250, "pnl"] = -11.0
    tested = tables.backtest_rows(LONG, known)
    assert tested["observations"].max() == 250
    assert tested["exceedances"].max() <= 1, "only today's may be one"


def test_outcomes_without_the_portfolios_session_say_nothing(spark: SparkSession) -> None:
    known = frame(spark, outcomes(5, day(3)), OUTCOMES)
    assert portfolios.var_backtests(frame(spark, LONG[:0], VALUATIONS), known).collect() == []


def test_no_input_no_rows(spark: SparkSession) -> None:
    nothing = frame(spark, LONG[:0], VALUATIONS)
    for transform in (
        portfolios.portfolio_daily,
        portfolios.portfolio_positions,
        portfolios.portfolio_correlations,
        portfolios.portfolio_risk,
    ):
        assert transform(nothing).collect() == []


def test_a_portfolio_of_cash_alone_has_a_value_and_no_risk() -> None:
    cash = valuations(CLOSES, {}, cash=1000)
    (row,) = tables.daily_rows(cash).to_dict("records")
    assert (row["nav"], row["session_return"], row["gross_exposure"], row["volatility_63"]) == (1000, 0, 0, 0)
    assert np.isnan(row["sharpe_63"])
    assert tables.position_rows(cash).empty
    assert tables.correlation_rows(cash).empty
    expected = tables.risk_rows(cash)
    assert list(expected[expected["method"] == "historical"]["value_at_risk"]) == [0, 0]


def test_two_runs_over_rows_in_another_order_are_equal_to_the_last_bit() -> None:
    shuffled = LONG.sample(frac=1, random_state=3)
    for rows in (tables.daily_rows, tables.position_rows, tables.correlation_rows, tables.risk_rows):
        pd.testing.assert_frame_equal(rows(LONG), rows(shuffled), check_exact=True)


def test_methods_are_those_that_the_table_allows() -> None:
    assert set(risk.METHODS) == {"historical", "filtered"}
