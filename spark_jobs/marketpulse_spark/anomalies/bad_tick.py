"""Bad ticks: a price that nobody else saw, and the next bar does not know of."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from marketpulse_spark.anomalies.found import PRICE_DEVIATIONS, Found
from marketpulse_spark.anomalies.window import MINUTE, Window


def bad_ticks(window: Window) -> Iterator[Found]:
    """Yields `bad_tick`: a bar that sticks out of those before and after it by 8 usual moves; known once that is there.

    score(t) = max(ln(high(t) / max(high(t-1), high(t+1))), ln(min(low(t-1), low(t+1)) / low(t))) / usual_move(t), see
    `Window`. Source: Brownlees and Gallo, Financial Econometric Analysis at Ultra-High Frequency: Data Handling
    Concerns, Computational Statistics & Data Analysis 51 (2006), 2.1: a price is held against its neighbourhood, in
    deviations and at least a granularity; with medians in place of trimmed means.

    A real crash of one minute that is taken back in the next looks the same in bars: a person decides.
    """
    high, low = window.high, window.low
    up = np.log(high[1:-1] / np.maximum(high[:-2], high[2:]))
    down = np.log(np.minimum(low[:-2], low[2:]) / low[1:-1])
    score = np.maximum(up, down) / window.usual_move[1:-1]
    for before in np.flatnonzero((score >= PRICE_DEVIATIONS) & window.is_own[2:]):
        bar, after = before + 1, before + 2
        evidence = {
            "high": high[bar],
            "low": low[bar],
            "close": window.close[bar],
            "close_before": window.close[before],
            "close_after": window.close[after],
            "usual_move": window.usual_move[bar],
        }
        known = window.ts[after] + MINUTE
        yield Found("bad_tick", window.ts[bar], known, known, score[before], evidence)
