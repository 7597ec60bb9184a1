"""Who may ask, and how often."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field

from simulator import vendor_messages

_SECONDS_OF_DAY = 86_400


@dataclass
class Limits:
    """The vendor's checks of a request before it looks at what is asked.

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

    def admit(self, api_key: str) -> None:
        """Counts one request of `api_key`.

        Raises:
            Refusal: The key is unknown, too fast, or has used up its day.
        """
        if not api_key or (self.api_keys and api_key not in self.api_keys | {"demo"}):
            raise vendor_messages.bad_key()
        self._admit_in_second(api_key)
        self._admit_in_day(api_key)

    def _admit_in_second(self, api_key: str) -> None:
        if not self.per_second:
            return
        now, recent = self.now(), self._recent[api_key]
        while recent and recent[0] <= now - 1.0:
            recent.popleft()
        if len(recent) >= self.per_second:
            raise vendor_messages.burst(self.per_second)
        recent.append(now)

    def _admit_in_day(self, api_key: str) -> None:
        if not self.per_day:
            return
        day = int(self.now() // _SECONDS_OF_DAY)
        if day != self._day:
            self._spent.clear()
            self._day = day
        if self._spent[api_key] >= self.per_day:
            raise vendor_messages.daily_budget(api_key, self.per_day)
        self._spent[api_key] += 1
