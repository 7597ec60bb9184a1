"""The transforms of `build_daily`: what portfolios held and what it was worth in, the rows of each table out.

A portfolio is one group: its numbers need a fixed order of sums over sessions and symbols, and libraries that know
arrays. Portfolios are computed beside one another.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from marketpulse_spark.portfolio_schemas import BACKTESTS, CORRELATIONS, DAILY, POSITIONS, RISK
from marketpulse_spark.portfolios import tables


def portfolio_daily(valuations: DataFrame) -> DataFrame:
    """Returns the row of each portfolio: value, gain, return, exposure and what a year of them says.

    Args:
        valuations: Layout `portfolio_schemas.VALUATIONS`, here and below.
    """
    return valuations.groupBy("portfolio").applyInPandas(tables.daily_rows, DAILY)


def portfolio_positions(valuations: DataFrame) -> DataFrame:
    """Returns a row for each symbol that a portfolio holds."""
    return valuations.groupBy("portfolio").applyInPandas(tables.position_rows, POSITIONS)


def portfolio_correlations(valuations: DataFrame) -> DataFrame:
    """Returns a row for each pair of symbols that a portfolio holds."""
    return valuations.groupBy("portfolio").applyInPandas(tables.correlation_rows, CORRELATIONS)


def portfolio_risk(valuations: DataFrame) -> DataFrame:
    """Returns what each portfolio may lose in its next session, by each method and with each confidence."""
    return valuations.groupBy("portfolio").applyInPandas(tables.risk_rows, RISK)


def var_backtests(valuations: DataFrame, outcomes: DataFrame) -> DataFrame:
    """Returns how each portfolio's forecasts have done.

    Args:
        valuations: See above.
        outcomes: Layout `portfolio_schemas.OUTCOMES`.
    """
    by_portfolio = outcomes.groupBy("portfolio")
    return valuations.groupBy("portfolio").cogroup(by_portfolio).applyInPandas(tables.backtest_rows, BACKTESTS)
