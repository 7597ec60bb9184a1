"""Indicators computed in another way than the job does: with pandas, for comparison."""

from __future__ import annotations

import pandas as pd  # type: ignore[import-untyped]
from marketpulse_spark.transforms.indicators import CHANGE_BARS, SMA_BARS


def indicators(bars: pd.DataFrame) -> pd.DataFrame:
    """Adds moving averages and price changes.

    Args:
        bars: Columns symbol, source, ts, close (float); one row for each bar.
    """
    ordered = bars.sort_values(["symbol", "source", "ts"]).reset_index(drop=True)
    close = ordered.groupby(["symbol", "source"])["close"]
    computed = {}
    for width in SMA_BARS:
        computed[f"sma_{width}"] = close.transform(lambda series, n=width: series.rolling(n).mean())
    for width in CHANGE_BARS:
        computed[f"change_{width}"] = close.diff(width)
        computed[f"change_pct_{width}"] = close.pct_change(width, fill_method=None) * 100
    return ordered.assign(**computed)
