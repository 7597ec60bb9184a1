"""What a detector found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from marketpulse_spark.anomalies.window import MINUTE, Window

#: In a thousand sessions of 1,440 minutes fewer than one value of a normal law lies so many deviations above.
DEVIATIONS = 5.0
#: Log returns have heavier tails, about those of a Student's t of four degrees of freedom: two in a row, one way and
#: back, that are both so many robust deviations wide come less than once in a thousand sessions. Source: Cont,
#: Empirical Properties of Asset Returns: Stylized Facts and Statistical Issues, Quantitative Finance 1 (2001).
PRICE_DEVIATIONS = 8.0


@dataclass(frozen=True)
class Found:
    """One anomaly.

    Attributes:
        kind: One of those that `analytics.anomalies` allows.
        ts: Start of the bar that it is about, or of the first of them.
        detected_ts: End of the last bar that the decision used.
        ended_ts: End of the bar that showed that it is over; None while it is not.
        score: How unusual it is; what it counts is the detector's to say.
        evidence: The figures that it was decided on, as known at detected_ts.
    """

    kind: str
    ts: np.datetime64
    detected_ts: np.datetime64
    ended_ts: np.datetime64 | None
    score: float
    evidence: dict[str, float]

    def row(self) -> dict[str, object]:
        """The columns of `anomaly_schemas.FOUND` but for symbol, source and session."""
        evidence = json.dumps({name: float(value) for name, value in self.evidence.items()})
        return {**vars(self), "score": float(self.score), "evidence": evidence}


def runs(window: Window, flags: NDArray[np.bool_]) -> Iterator[tuple[int, int, np.datetime64 | None]]:
    """Yields each run of flagged bars of the session: its first bar, the one after its last, and when it ended.

    A run ends with the first bar that is not flagged, or with the session.
    """
    edges = np.diff((flags & window.is_own).astype(np.int8), prepend=0, append=0)
    last = len(flags) - 1
    for start, stop in zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True):
        ended = window.ts[stop if stop <= last else last] + MINUTE
        yield start, stop, ended if stop <= last or ended == window.closes_at else None
