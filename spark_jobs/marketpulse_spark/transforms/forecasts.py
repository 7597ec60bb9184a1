"""The transforms of `build_daily` that look ahead of it: prices of sessions in, forecasts and their outcomes out.

A symbol from one source is one group: models are fitted to the sessions of each in their order.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

from marketpulse_spark.forecast_schemas import FORECASTS, OUTCOMES
from marketpulse_spark.forecasts import tables


def forecasts(sessions: DataFrame) -> DataFrame:
    """Returns what each model says of each series' next session.

    Args:
        sessions: Layout `forecast_schemas.SESSION_PRICES`, here and below.
    """
    return sessions.groupBy("symbol", "source").applyInPandas(tables.forecast_rows, FORECASTS)


def outcomes(sessions: DataFrame) -> DataFrame:
    """Returns what each series' newest session made of the forecasts for it."""
    return sessions.groupBy("symbol", "source").applyInPandas(tables.outcome_rows, OUTCOMES)
