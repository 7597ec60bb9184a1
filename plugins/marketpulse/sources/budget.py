"""How many requests a vendor still takes: one limiter for all tasks, kept in PostgreSQL.

The rules are those of `ops.take_request` (sql/migrations/0010_api_budget.sql); docs/adr/0005 says why they are ours.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

import psycopg
from psycopg.rows import class_row
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from marketpulse import metrics
from marketpulse.config import SourceSettings, load_instruments
from marketpulse.sessions import polling_hours
from marketpulse.sources.errors import DailyBudgetExhausted, Deferred
from marketpulse.warehouse import connect_async, sql

STATEMENT_SECONDS = 10
LOCK_SECONDS = 5
# How much later than granted a request may reach the vendor without breaking a limit: the windows are longer by it.
# Half of it is ours, half is left to the network.
MARGIN_SECONDS = 0.2
USE_WITHIN_SECONDS = MARGIN_SECONDS / 2
# A day's pace is measured over an hour at least: the first poll after midnight is no pace.
SHORTEST_PACE_SECONDS = 3600

# The vendor's day may have begun a day before ours, and end a day after it.
AROUND_TODAY = timedelta(days=2)

log = logging.getLogger(__name__)


class Purpose(StrEnum):
    """What requests are for, most valuable first: each gives way to those before it.

    Splits, news and quotes are asked for as gaps are.
    """

    LIVE = "live"
    GAPS = "gaps"
    HISTORY = "history"


# One instrument's answer, retries and waits for the vendor's rate included. With the lock before it and the publishing
# after it, a poll stays within its minute. History may wait until a minute with room comes.
ANSWER_WITHIN_SECONDS = {Purpose.LIVE: 35, Purpose.GAPS: 300, Purpose.HISTORY: 600}


class Budget(Protocol):
    """Who grants the requests to a vendor.

    Attributes:
        answer_within_seconds: How long one instrument's answer may take, retries and waits for grants included.
    """

    answer_within_seconds: float

    async def take(self, symbol: str, within_seconds: float) -> None:
        """Return when one request may be sent, which is to be done at once.

        Args:
            symbol: The instrument, for messages.
            within_seconds: How long to wait at the most.

        Raises:
            TimeoutError: The vendor's rate leaves no room within that time.
            Deferred: Today's requests are kept for later, or for more valuable ones.
            DailyBudgetExhausted: Today's requests are used up.
        """

    async def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True, slots=True)
class _Decision:
    """A row of `take.sql`; times in seconds."""

    answer: str
    wait_seconds: float
    lock_seconds: float
    on_day: date
    spent_today: int
    day_seconds: float
    day_left_seconds: float


class PostgresBudget:
    """The `Budget` that all tasks share: one row of `ops.api_budget` for each source.

    A grant is committed before it is used, by the database's clock: neither parallel tasks nor a process that dies can
    spend more than the vendor allows.

    Args:
        settings: The vendor's limits, and the symbols that live polling asks for.
        purpose: What the requests are for.
    """

    def __init__(self, settings: SourceSettings, purpose: Purpose) -> None:
        self._settings = settings
        self._purpose = purpose
        self.answer_within_seconds: float = ANSWER_WITHIN_SECONDS[purpose]
        self._polled = _polling_hours(settings)
        self._connection: psycopg.AsyncConnection | None = None
        self._connecting = asyncio.Lock()

    async def take(self, symbol: str, within_seconds: float) -> None:
        """See `Budget.take`.

        Raises:
            psycopg.Error: PostgreSQL does not answer.
        """
        give_up_at = time.monotonic() + within_seconds
        unused_on: date | None = None
        while True:
            asked_at = time.monotonic()
            decision = await self._decide(give_up_at - asked_at, unused_on)
            unused_on = None
            self._send_metrics(decision)
            self._refuse(symbol, decision)
            answered_at = time.monotonic()
            if answered_at + decision.wait_seconds > give_up_at:
                raise TimeoutError
            await asyncio.sleep(decision.wait_seconds)
            if decision.answer != "granted":
                continue
            late = time.monotonic() - (asked_at + decision.lock_seconds + decision.wait_seconds)
            if late <= USE_WITHIN_SECONDS:
                return
            # The vendor would count it to a later second than we did.
            log.info("%s: a granted request came %.2f s too late to be sent and is asked for again", symbol, late)
            unused_on = decision.on_day

    async def close(self) -> None:
        """See `Budget.close`."""
        if self._connection:
            await self._connection.close()

    async def _decide(self, patience_seconds: float, unused_on: date | None) -> _Decision:
        settings = self._settings
        connection = await self._connect()
        async with connection.cursor(row_factory=class_row(_Decision)) as cursor:
            await cursor.execute(
                sql("ops/api_budget/take.sql"),
                {
                    "source": settings.name,
                    "purpose": self._purpose.value,
                    "per_second": settings.requests_per_second,
                    "per_minute": settings.requests_per_minute,
                    "per_day": settings.requests_per_day,
                    "zone": settings.day_zone,
                    "live_hours": [TimestamptzMultirange(ranges) for ranges, _ in self._polled],
                    "live_symbols": [symbols for _, symbols in self._polled],
                    "patience": timedelta(seconds=patience_seconds),
                    "margin": timedelta(seconds=MARGIN_SECONDS),
                    "unused_on": unused_on,
                },
            )
            (decision,) = await cursor.fetchall()
        return decision

    async def _connect(self) -> psycopg.AsyncConnection:
        async with self._connecting:
            if self._connection is None or self._connection.closed:
                self._connection = await connect_async(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS)
            return self._connection

    def _refuse(self, symbol: str, decision: _Decision) -> None:
        name, limit = self._settings.name, self._settings.requests_per_day
        spent = f"{decision.spent_today} of today's {limit} requests are spent"
        again = timedelta(seconds=round(decision.wait_seconds))
        if decision.answer == "exhausted":
            raise DailyBudgetExhausted(name, symbol, f"{spent}; the vendor's next day begins in {again}")
        if decision.answer == "deferred":
            detail = f"{spent}; the next one for {self._purpose} is due in {again}"
            raise Deferred(name, symbol, detail, decision.wait_seconds)

    def _send_metrics(self, decision: _Decision) -> None:
        limit = self._settings.requests_per_day
        if limit is None:
            return
        name, remaining = self._settings.name, max(0, limit - decision.spent_today)
        metrics.gauge("api_budget_remaining_requests", remaining, source=name)
        metrics.gauge("api_budget_day_left_seconds", decision.day_left_seconds, source=name)
        if decision.spent_today:
            gone = max(decision.day_seconds - decision.day_left_seconds, SHORTEST_PACE_SECONDS)
            lasts = remaining * gone / decision.spent_today
            metrics.gauge("api_budget_lasts_seconds", lasts, source=name)


def _polling_hours(settings: SourceSettings) -> list[tuple[tuple[TimestamptzRange, ...], int]]:
    """Hours in which live polling asks at every minute, and for how many symbols."""
    if not settings.is_asked_for("bars") or not settings.symbols:
        return []
    if settings.requests_per_day is None:
        return [((TimestamptzRange(),), len(settings.symbols))]
    instruments, now = load_instruments(), datetime.now(UTC)
    symbols = Counter(
        tuple(polling_hours(instruments[symbol], now - AROUND_TODAY, now + AROUND_TODAY, poll=settings.poll))
        for symbol in settings.symbols
    )
    return [(tuple(TimestamptzRange(*part) for part in hours), count) for hours, count in symbols.items()]
