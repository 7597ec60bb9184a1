"""Marked places where `make chaos` stops the job to kill it.

Without MARKETPULSE_FAULT_POINT in the environment every call returns at once.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

NAMES = (
    "before_read",
    "mid_copy",
    "after_copy",
    "after_merge",
    "before_commit",
    "after_range_commit",
    "before_exit",
)

_HOLD_SECONDS = 120.0


def reach(name: str) -> None:
    """Says that the job is at a marked place and, where the chaos run asked for it, waits there.

    The first process to arrive creates the file named by MARKETPULSE_FAULT_MARKER and holds until
    the file is gone or 120 s have passed; later arrivals go on, also when it is gone again.
    """
    if os.environ.get("MARKETPULSE_FAULT_POINT") != name:
        return
    if name not in NAMES:
        raise ValueError(f"no fault point is called {name!r}: use one of {', '.join(NAMES)}")
    marker = Path(os.environ["MARKETPULSE_FAULT_MARKER"])
    try:
        marker.with_suffix(".reached").touch(exist_ok=False)
    except FileExistsError:
        return
    marker.touch()
    deadline = time.monotonic() + _HOLD_SECONDS
    while marker.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
