"""When a scheduler counts as stuck."""

from __future__ import annotations

import pytest
from marketpulse_stack.watchdog import Observation, is_stuck

NOW = 1_000_000.0


@pytest.mark.parametrize(
    ("heartbeat", "started", "blind_until", "stuck"),
    [
        (NOW - 5, NOW - 500, 0, False),
        (NOW - 59, NOW - 500, 0, False),
        (NOW - 61, NOW - 500, 0, True),
        # The heartbeat is the predecessor's: this one has only just started.
        (NOW - 300, NOW - 100, 0, False),
        (NOW - 300, NOW - 151, 0, True),
        (0, NOW - 100, 0, False),
        # PostgreSQL was away until 30 s ago: no heartbeat could be written.
        (NOW - 90, NOW - 500, NOW - 30, False),
        (NOW - 190, NOW - 500, NOW - 61, True),
    ],
)
def test_scheduler_is_stuck(heartbeat: float, started: float, blind_until: float, stuck: bool) -> None:
    assert is_stuck(Observation(NOW, heartbeat, started, blind_until)) is stuck
