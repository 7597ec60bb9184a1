"""Volume bursts: far more is traded than usual at this time of day."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from marketpulse_spark.anomalies.found import DEVIATIONS, Found, runs
from marketpulse_spark.anomalies.robust import NORMAL, around, median
from marketpulse_spark.anomalies.window import AROUND, AT_LEAST, MINUTE, Window

#: Twice the usual volume is none, however alike the sessions before were.
_LEAST_DEVIATION = math.log(2) / DEVIATIONS


def volume_bursts(window: Window) -> Iterator[Found]:
    """Yields `volume_burst`: bars in a row of at least 5 deviations above the same minute of earlier sessions.

    score = (ln v - median(ln v of the same minute of 20 sessions)) / deviation, which is 1.4826 times the median
    absolute such difference within 15 minutes of the same time of day, over these sessions. It is known with the first
    bar, whose figures stay. A minute in which nothing was traded says nothing. Source: scores by median and deviation,
    Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993); of logarithms, which are about normal: Ajinkya and
    Jain, The Behavior of Daily Stock Market Trading Volume, Journal of Accounting and Economics 11 (1989).
    """
    logs = np.log(np.where(window.volume > 0, window.volume, np.nan))
    earlier = window.by_minute(logs)[:-1]
    usual = median(earlier.T, AT_LEAST)
    deviation = np.maximum(NORMAL * median(around(np.abs(earlier - usual), AROUND), AT_LEAST), _LEAST_DEVIATION)
    score = (logs - usual[window.columns]) / deviation[window.columns]
    for start, _, ended in runs(window, score >= DEVIATIONS):
        evidence = {
            "volume": window.volume[start],
            "usual_volume": math.exp(usual[window.columns[start]]),
            "deviation": deviation[window.columns[start]],
        }
        yield Found("volume_burst", window.ts[start], window.ts[start] + MINUTE, ended, score[start], evidence)
