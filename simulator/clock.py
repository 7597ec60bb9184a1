"""The simulator's own time, which may start anywhere and run at any speed."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Clock:
    """A clock that shows `start` when it is made and then runs `speed` times as fast as the real one.

    Attributes:
        start: The first time shown, with a time zone.
        speed: Seconds shown for each real second.
        elapsed: The source of real seconds; the system's clock, so that the default never drifts away from it.
    """

    start: dt.datetime
    speed: float = 1.0
    elapsed: Callable[[], float] = time.time
    _origin: float = field(init=False, default=0.0)

    def __post_init__(self) -> None:
        self._origin = self.elapsed()

    def now(self) -> dt.datetime:
        """Returns the time shown, in UTC."""
        return self.start + dt.timedelta(seconds=(self.elapsed() - self._origin) * self.speed)

    def advance(self, span: dt.timedelta) -> None:
        """Puts the clock forward: what would have happened meanwhile has happened."""
        self.start += span
