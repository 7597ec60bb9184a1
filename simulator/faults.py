"""What can go wrong on demand: the faults that one may ask for, and the book of those in force."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class _Fault(BaseModel):
    """What every fault may say.

    Attributes:
        symbol: Only requests that ask for this symbol (`IBM`, `BTCUSD`); None is every request.
        remaining: Requests that it still hits; None is no limit.
        minutes: How long it lasts on the simulator's clock; None is until it is cleared.
    """

    model_config = ConfigDict(extra="forbid")

    symbol: str | None = None
    remaining: int | None = Field(default=None, ge=1)
    minutes: float | None = Field(default=None, gt=0, le=1_000_000)


class _FaultOfSymbol(_Fault):
    symbol: str


class HttpStatus(_Fault):
    """Answers with a bare HTTP error."""

    kind: Literal["http_status"]
    status: Literal[429, 500, 503]
    retry_after: int | None = Field(default=None, ge=0, le=86_400, description="Seconds, as a Retry-After header.")


class Hang(_Fault):
    """Holds the answer back for some real seconds."""

    kind: Literal["hang"]
    seconds: float = Field(default=60.0, gt=0, le=3_600)


class Html(_Fault):
    """Answers 200 with a web page, as a proxy in between would."""

    kind: Literal["html"]


class CutOff(_Fault):
    """Answers with the first part of the right answer only."""

    kind: Literal["cut_off"]
    keep: float = Field(default=0.6, gt=0, lt=1, description="The share of the answer that arrives.")


class Message(_Fault):
    """Answers with one of the vendor's own refusals, or with its artificial sample rows, where it has such."""

    kind: Literal["message"]
    message: Literal["burst", "daily_budget", "note", "premium_only", "bad_key", "bad_symbol", "sample"]


class Outage(_Fault):
    """Answers 503 to everything for some minutes."""

    kind: Literal["outage"]
    minutes: float = Field(gt=0, le=1_000_000)


class DoubledBars(_Fault):
    """Prints the newest bars twice."""

    kind: Literal["doubled_bars"]
    bars: int = Field(default=5, ge=1, le=100_000)


class Correction(_FaultOfSymbol):
    """Corrects one bar from now on, as a vendor does when late trades arrive."""

    kind: Literal["correction"]
    at: AwareDatetime | None = Field(default=None, description="The bar; the newest complete minute when absent.")
    price_factor: Decimal = Field(default=Decimal("1.001"), gt=0, le=1_000)
    volume_factor: Decimal = Field(default=Decimal("1.1"), ge=0, le=1_000)


class BadTick(_FaultOfSymbol):
    """Lets one trade at an absurd price close one bar."""

    kind: Literal["bad_tick"]
    at: AwareDatetime | None = Field(default=None, description="The bar; the newest complete minute when absent.")
    factor: Decimal = Field(default=Decimal(10), gt=0, le=1_000)


class Halt(_FaultOfSymbol):
    """Suspends trading: the bars of these minutes do not exist, also later on."""

    kind: Literal["halt"]
    at: AwareDatetime | None = Field(default=None, description="Where the halt begins; now when absent.")
    halt_minutes: int = Field(ge=1, le=100_000)


class SplitFault(_FaultOfSymbol):
    """Splits a share: unadjusted prices drop on that day, adjusted ones are restated over all of history."""

    kind: Literal["split"]
    ratio: Decimal = Field(gt=0, le=1_000, description="New shares for each old one; below 1 is a reverse split.")
    on: dt.date | None = Field(default=None, description="The first day at the new price; today when absent.")


BarFault = Correction | BadTick | Halt | SplitFault
AnyFault = HttpStatus | Hang | Html | CutOff | Message | Outage | DoubledBars | BarFault


@dataclass
class Entry:
    """One fault in force.

    Attributes:
        number: Its name at the admin endpoint.
        fault: What it does.
        since: When it was ordered, on the simulator's clock.
        hits: Requests that it has hit.
    """

    number: int
    fault: AnyFault
    since: dt.datetime
    hits: int = 0

    @property
    def until(self) -> dt.datetime | None:
        """When it ends by itself."""
        return None if self.fault.minutes is None else self.since + dt.timedelta(minutes=self.fault.minutes)

    @property
    def left(self) -> int | None:
        """How many more requests it hits."""
        return None if self.fault.remaining is None else self.fault.remaining - self.hits


@dataclass
class FaultBook:
    """The faults in force, in the order in which they were ordered.

    Attributes:
        now: The simulator's clock.
    """

    now: Callable[[], dt.datetime]
    _entries: list[Entry] = field(default_factory=list, init=False)
    _cleared: set[int] = field(default_factory=set, init=False)
    _numbers: count[int] = field(default_factory=lambda: count(1), init=False)

    def order(self, fault: AnyFault) -> Entry:
        """Puts `fault` in force."""
        entry = Entry(next(self._numbers), fault, self.now())
        self._entries.append(entry)
        return entry

    def in_force(self) -> list[Entry]:
        """Returns the faults that have neither ended nor hit all that they were to hit."""
        now = self.now()
        self._entries = [
            entry for entry in self._entries if (entry.until is None or now < entry.until) and entry.left != 0
        ]
        return list(self._entries)

    def matching(self, symbols: frozenset[str]) -> list[Entry]:
        """Returns the faults in force for a request that asks for `symbols`."""
        return [entry for entry in self.in_force() if entry.fault.symbol is None or entry.fault.symbol in symbols]

    def cleared(self, entry: Entry) -> bool:
        """Whether `entry` was cleared, rather than used up."""
        return entry.number in self._cleared

    def clear(self, number: int | None = None) -> int:
        """Ends one fault, or all of them, and returns how many."""
        ended = [entry.number for entry in self.in_force() if number is None or entry.number == number]
        self._entries = [entry for entry in self._entries if entry.number not in ended]
        self._cleared.update(ended)
        return len(ended)
