"""Gaps: the price is somewhere else, and stays there."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from marketpulse_spark.anomalies.found import PRICE_DEVIATIONS, Found
from marketpulse_spark.anomalies.robust import NORMAL, Floats, median
from marketpulse_spark.anomalies.window import AT_LEAST, MINUTE, Window


def gaps(window: Window) -> Iterator[Found]:
    """Yields `gap`: two bars lie apart from the two before them by 8 usual jumps; known once the second is there.

    score(t) = ln(min(open(t), close(t), close(t+1)) / max(close(t-1), close(t-2))) / usual_jump(t), or the same
    downwards: a bad tick on either side of the border makes no gap. usual_jump is 1.4826 times the median absolute jump
    ln(open / close before) of 20 earlier openings for a session's first bar; for others `Window.usual_move` times the
    square root of the minutes since the price last moved, as of a random walk. Source: Lee and Mykland, Jumps in
    Financial Markets, Review of Financial Studies 21 (2008): a return over its local deviation; with medians in place
    of bipower variation.
    """
    close = window.close
    after = np.stack([window.open[2:-1], close[2:-1], close[3:]])
    before = np.stack([close[1:-2], close[:-3]])
    up = np.log(after.min(axis=0) / before.max(axis=0))
    down = np.log(before.min(axis=0) / after.max(axis=0))
    usual = _usual_jump(window)
    score = np.maximum(up, down) / usual[2:-1]
    for place in np.flatnonzero((score >= PRICE_DEVIATIONS) & window.is_own[3:]):
        bar = place + 2
        evidence = {
            "close_before": close[bar - 1],
            "open": window.open[bar],
            "close": close[bar],
            "close_after": close[bar + 1],
            "usual_jump": usual[bar],
        }
        known = window.ts[bar + 1] + MINUTE
        yield Found("gap", window.ts[bar], known, known, score[place], evidence)


def _usual_jump(window: Window) -> Floats:
    """The standard deviation of a jump before each bar; nan where too little is known; bars."""
    within = window.usual_move * np.sqrt(window.minutes_since_move)
    openings = np.flatnonzero(window.is_first & (window.rows > 0))
    jumps = np.abs(np.log(window.open[openings] / window.close[openings - 1]))
    earlier = jumps[~window.is_own[openings]]
    usual = NORMAL * median(earlier, AT_LEAST)
    return np.where(window.is_first, np.maximum(usual, window.usual_move), within)
