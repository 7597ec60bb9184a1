"""Indicators computed by others: TA-Lib, and numpy where TA-Lib has none with a finite window."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd  # type: ignore[import-untyped]
import talib

Values = npt.NDArray[np.float64]
SERIES = ["symbol", "source"]


def indicators(bars: pd.DataFrame) -> pd.DataFrame:
    """Adds the indicators.

    Args:
        bars: Columns symbol, source, ts, high, low, close (float); one row for each bar.
    """
    ordered = bars.sort_values([*SERIES, "ts"]).reset_index(drop=True)
    computed = [
        pd.DataFrame(_of_series(*(of_series[name].to_numpy() for name in ("high", "low", "close"))), of_series.index)
        for _, of_series in ordered.groupby(SERIES)
    ]
    return ordered.join(pd.concat(computed))


def _of_series(high: Values, low: Values, close: Values) -> dict[str, Values]:
    returns = np.diff(np.log(close), prepend=np.nan)
    upper, _, lower = talib.BBANDS(close, 20, nbdevup=2, nbdevdn=2)
    return {
        **{f"sma_{bars}": talib.SMA(close, bars) for bars in (5, 20, 60)},
        **{f"ema_{span}": _mean(close, 60, (1 - 2 / (span + 1)) ** np.arange(59, -1, -1)) for span in (12, 26)},
        **{f"change_{bars}": talib.MOM(close, bars) for bars in (1, 5, 15, 60)},
        **{f"change_pct_{bars}": talib.ROC(close, bars) for bars in (1, 5, 15, 60)},
        "log_return_1": returns,
        "realised_volatility_60": np.sqrt(60 * _mean(returns * returns, 60, np.ones(60))),
        "bollinger_upper_20": upper,
        "bollinger_lower_20": lower,
        "rsi_14": _relative_strength(close),
        # Not talib.ATR: it smooths without end.
        "atr_14": talib.SMA(talib.TRANGE(high, low, close), 14),
    }


def _mean(values: Values, bars: int, weights: npt.NDArray[Any]) -> Values:
    """The weighted mean of each window of so many values, the first weight for the oldest."""
    means = np.full(len(values), np.nan)
    if len(values) >= bars:
        windows = np.lib.stride_tricks.sliding_window_view(values, bars)
        means[bars - 1 :] = np.average(windows, axis=1, weights=weights)
    return means


def _relative_strength(close: Values) -> Values:
    """RSI of each window by itself: TA-Lib's first value is the plain mean. Of a window without changes it says 0."""
    index = np.full(len(close), np.nan)
    for last in range(14, len(close)):
        window = close[last - 14 : last + 1].copy()
        index[last] = talib.RSI(window, 14)[-1] if np.ptp(window) else 50.0
    return index
