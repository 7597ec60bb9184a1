"""Who may ask, and how often."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

_SECONDS_OF_DAY = 86_400

Refused = Literal["bad_key", "burst", "daily_budget"]


@dataclass
class Limits:
    """A vendor's checks of a request before it looks at what is asked.

    Both limits count real time, whatever the simulator's clock does: a client paces itself by its own clock.

    Attributes:
        api_keys: The keys that are accepted; empty accepts any.
        per_second: Requests of one key within any second; 0 is no limit.
        per_day: Requests of one key in a UTC day; 0 is no limit.
        now: The real time in seconds since 1970.
    """

    api_keys: frozenset[str] = frozenset()
    per_second: int = 0
    per_day: int = 0
    now: Callable[[], float] = time.time
    _recent: defaultdict[str, deque[float]] = field(default_factory=lambda: defaultdict(deque), init=False)
    _spent: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int), init=False)
    _day: int = field(default=-1, init=False)

    def refusal(self, api_key: str) -> Refused | None:
        """Counts one request of `api_key`; returns why it is refused, if it is."""
        if not api_key or (self.api_keys and api_key not in self.api_keys | {"demo"}):
            return "bad_key"
        if self.is_burst(api_key):
            return "burst"
        return "daily_budget" if self._is_beyond_day(api_key) else None

    def is_burst(self, who: str) -> bool:
        """Counts one request of a key or an address; returns whether it is one too many in this second."""
        if not self.per_second:
            return False
        now, recent = self.now(), self._recent[who]
        while recent and recent[0] <= now - 1.0:
            recent.popleft()
        if len(recent) >= self.per_second:
            return True
        recent.append(now)
        return False

    def _is_beyond_day(self, api_key: str) -> bool:
        if not self.per_day:
            return False
        day = int(self.now() // _SECONDS_OF_DAY)
        if day != self._day:
            self._spent.clear()
            self._day = day
        if self._spent[api_key] >= self.per_day:
            return True
        self._spent[api_key] += 1
        return False
