"""All detectors over a series."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]

from marketpulse_spark.anomalies.bad_tick import bad_ticks
from marketpulse_spark.anomalies.gap import gaps
from marketpulse_spark.anomalies.stale_price import stale_prices
from marketpulse_spark.anomalies.volume_burst import volume_bursts
from marketpulse_spark.anomalies.window import windows
from marketpulse_spark.anomaly_schemas import FOUND

DETECTORS = (bad_ticks, gaps, stale_prices, volume_bursts)
#: What pandas does not tell from no rows, or from none but nulls.
_DTYPES = {"timestamp": "datetime64[ns]", "double": "float64"}


def found_rows(bars: pd.DataFrame) -> pd.DataFrame:
    """What is found in the wanted sessions of one series: layout `anomaly_schemas.FOUND`.

    Args:
        bars: Layout `anomaly_schemas.BARS`.
    """
    series = {name: bars[name].iloc[0] for name in ("symbol", "source")}
    found = [
        {**series, "session": window.session, **each.row()}
        for window in windows(bars)
        for detect in DETECTORS
        for each in detect(window)
    ]
    columns = dict(column.split() for column in FOUND.split(", "))
    dtypes = {name: _DTYPES[kind] for name, kind in columns.items() if kind in _DTYPES}
    return pd.DataFrame(found, columns=list(columns)).astype(dtypes)
