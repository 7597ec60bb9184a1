"""Stale prices: bars keep coming, and their price does not move."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from marketpulse_spark.anomalies.found import Found, runs
from marketpulse_spark.anomalies.robust import median
from marketpulse_spark.anomalies.window import AT_LEAST, MINUTE, Window

#: Chance alone makes fewer than one such run in a thousand sessions.
_RUNS_PER_SESSION = 0.001
#: A shorter one is never called stale.
_BARS = 5


def stale_prices(window: Window) -> Iterator[Found]:
    """Yields `stale_price`: bars in a row repeat one price, more of them than chance makes; known with the last needed.

    Where a share p of bars is flat (`Window.is_flat`), a session of m minutes has m · pⁿ runs of n of them at the most;
    n is the least with m · pⁿ < 0.001, and 5 at least. p is the median over 20 sessions of (flat + 1) / (bars + 2), so
    that a stale session is no excuse for the next. score = -log10(m · pⁿ). Source: the longest run of heads, Feller, An
    Introduction to Probability Theory and Its Applications (1968), XIII.7; the estimate of p is Laplace's.
    """
    bars = np.bincount(window.rows)[:-1]
    flat = np.bincount(window.rows, window.is_flat)[:-1]
    share = float(median(np.where(bars > 0, (flat + 1) / (bars + 2), np.nan), AT_LEAST))
    if math.isnan(share):
        return
    needed = max(_BARS, math.ceil(math.log(_RUNS_PER_SESSION / window.minutes) / math.log(share)))
    score = -math.log10(window.minutes) - needed * math.log10(share)
    for start, stop, ended in runs(window, window.is_flat):
        if stop - start >= needed:
            known = window.ts[start + needed - 1] + MINUTE
            evidence = {"price": window.close[start], "bars": needed, "usual_share": share}
            yield Found("stale_price", window.ts[start], known, ended, score, evidence)
