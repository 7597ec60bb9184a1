"""The transform of `detect_anomalies`: bars of several sessions in, what is unusual about the wanted ones out."""

from __future__ import annotations

from pyspark.sql import DataFrame

from marketpulse_spark.anomalies.detectors import found_rows
from marketpulse_spark.anomaly_schemas import FOUND


def anomalies(bars: DataFrame) -> DataFrame:
    """Returns a row for each anomaly of the wanted sessions, layout `anomaly_schemas.FOUND`.

    Medians by time of day need a series as an array: one group for each symbol and source, computed beside one another.

    Args:
        bars: Layout `anomaly_schemas.BARS`.
    """
    return bars.groupBy("symbol", "source").applyInPandas(found_rows, FOUND)
