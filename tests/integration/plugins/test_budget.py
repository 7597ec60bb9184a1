"""Who is granted a request, and who is not: the rules of `ops.take_request`."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from marketpulse.config import SourceSettings
from marketpulse.sessions import Session, load_sessions
from marketpulse.sources import budget
from marketpulse.sources.budget import PostgresBudget, Purpose
from marketpulse.sources.errors import DailyBudgetExhausted, Deferred

from tests.integration.plugins.governed import limited, spent
from tests.integration.plugins.moved_clock import Clock

LIVE, GAPS, HISTORY = Purpose.LIVE, Purpose.GAPS, Purpose.HISTORY
DAY = 86_400.0


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets no busy machine make a grant too late to be used."""
    monkeypatch.setattr(budget, "USE_WITHIN_SECONDS", 60)


async def take(settings: SourceSettings, purpose: Purpose, count: int = 1, within_seconds: float = 0.5) -> None:
    shared = PostgresBudget(settings, purpose)
    try:
        for _ in range(count):
            await shared.take("MSFT", within_seconds)
    finally:
        await shared.close()


@pytest.mark.parametrize(("per_second", "per_minute", "at_once"), [(1, 1, 1), (2, 120, 2), (5, 5, 5), (10, 3, 3)])
def test_any_pair_of_limits_is_kept(
    task_environment: dict[str, str], per_second: int, per_minute: int, at_once: int
) -> None:
    settings = limited(per_second, per_minute)
    asyncio.run(take(settings, LIVE, at_once))
    with pytest.raises(TimeoutError):
        asyncio.run(take(settings, LIVE))


def test_a_second_is_waited_for_and_a_minute_is_not(task_environment: dict[str, str]) -> None:
    settings = limited(per_second=1, per_minute=2)
    began = time.monotonic()
    asyncio.run(take(settings, LIVE, 2, within_seconds=3))
    assert time.monotonic() - began >= 1.2
    with pytest.raises(TimeoutError):
        asyncio.run(take(settings, LIVE, within_seconds=30))
    assert time.monotonic() - began < 25, "what cannot come in time is not waited for"


def test_what_the_limit_allows_is_used(task_environment: dict[str, str]) -> None:
    settings = limited(per_second=20)

    async def all_at_once() -> None:
        await asyncio.gather(*(take(settings, LIVE, 20, within_seconds=30) for _ in range(4)))

    began = time.monotonic()
    asyncio.run(all_at_once())
    # 20 at once and 60 in the three seconds after it; at most twice as long on a busy machine.
    assert 3 <= time.monotonic() - began < 7


def test_the_days_requests_end_and_the_error_says_until_when(
    task_environment: dict[str, str], receiver: socket.socket
) -> None:
    settings = limited(per_day=3)
    asyncio.run(take(settings, GAPS, 3))
    with pytest.raises(DailyBudgetExhausted, match=r"3 of today's 3 .* spent; the vendor's next day begins in"):
        asyncio.run(take(settings, LIVE))
    lines = [receiver.recv(1024).decode() for _ in range(4 * 3)]
    remaining = [line for line in lines if line.startswith("marketpulse.api_budget_remaining_requests")]
    assert remaining == [f"marketpulse.api_budget_remaining_requests,source=governed:{left}|g" for left in (2, 1, 0, 0)]
    left, lasts = (
        [float(line.split(":")[1].removesuffix("|g")) for line in lines if line.startswith(f"marketpulse.{name},")]
        for name in ("api_budget_day_left_seconds", "api_budget_lasts_seconds")
    )
    assert lasts == pytest.approx([2 * (DAY - left[0]), (DAY - left[1]) / 2, 0, 0])


def test_the_most_valuable_request_goes_first(task_environment: dict[str, str]) -> None:
    settings = limited(per_second=1)
    order: list[Purpose] = []

    async def one(purpose: Purpose, after_seconds: float) -> None:
        await asyncio.sleep(after_seconds)
        await take(settings, purpose, within_seconds=20)
        order.append(purpose)

    async def all_at_once() -> None:
        asked = [(HISTORY, 0.0), (HISTORY, 0.2), (GAPS, 0.3), (LIVE, 0.4), (LIVE, 0.5)]
        await asyncio.gather(*(one(purpose, after) for purpose, after in asked))

    asyncio.run(all_at_once())
    assert order == [HISTORY, LIVE, LIVE, GAPS, HISTORY]


def test_gaps_and_history_leave_a_poll_of_every_symbol_in_each_minute(task_environment: dict[str, str]) -> None:
    settings = limited(per_minute=10, symbols=["AAPL", "MSFT", "NVDA"])
    for purpose in (HISTORY, GAPS):
        with pytest.raises(TimeoutError):
            asyncio.run(take(settings, purpose, 8))
    asyncio.run(take(settings, LIVE, 3))
    with pytest.raises(TimeoutError):
        asyncio.run(take(settings, LIVE))


def test_live_polling_of_a_small_budget_is_spread_over_the_day(
    task_environment: dict[str, str], clock: Clock, owner_dsn: str
) -> None:
    settings = limited(per_day=25, day_zone="UTC", symbols=["AAPL", "MSFT", "NVDA", "IBM", "JPM"])
    granted: list[int] = []
    for hour in range(24):
        clock.set(f"2026-11-23 {hour:02}:30")
        with pytest.raises(Deferred, match=r"of today's 25 requests are spent; the next one for live is due in"):
            asyncio.run(take(settings, LIVE, 26))
        granted.append(spent(settings, owner_dsn) - sum(granted))
    # One poll of every symbol, then one of them every 72 minutes.
    assert granted == [5, 1, 1, 0, *3 * [1, 1, 1, 1, 1, 0], 1, 1]


@pytest.mark.parametrize("purpose", Purpose)
def test_deferred_means_until_then(task_environment: dict[str, str], clock: Clock, purpose: Purpose) -> None:
    settings = limited(per_day=25, day_zone="UTC", symbols=["AAPL", "MSFT", "NVDA", "IBM", "JPM"])
    clock.set("2026-11-23 12:00")
    with pytest.raises(Deferred) as refused:
        asyncio.run(take(settings, purpose, 25))
    due = datetime.fromisoformat("2026-11-23 12:00") + timedelta(seconds=refused.value.wait_seconds or 0)
    clock.set(f"{due - timedelta(seconds=10)}")
    with pytest.raises(Deferred):
        asyncio.run(take(settings, purpose))
    clock.set(f"{due + timedelta(seconds=10)}")
    asyncio.run(take(settings, purpose))


def test_history_and_gaps_take_only_what_live_polling_will_not_need(
    task_environment: dict[str, str], clock: Clock, owner_dsn: str
) -> None:
    settings = limited(per_day=4000, day_zone="UTC", symbols=["AAPL", "MSFT"])
    clock.set("2026-11-23 18:00")
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute("INSERT INTO ops.api_budget (source, day, live) VALUES ('governed', '2026-11-23', 3170)")
    # A quarter of the day is left: for live polling 720 (two symbols a minute) and a poll of both, 100 for gaps.
    for purpose, until in ((HISTORY, 4000 - 720 - 2 - 100), (GAPS, 4000 - 720 - 2)):
        with pytest.raises(Deferred):
            asyncio.run(take(settings, purpose, 200))
        assert spent(settings, owner_dsn) == until
    asyncio.run(take(settings, LIVE, 2))


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Session:
    """Regular trading of a day in New York."""
    monkeypatch.setattr(budget, "AROUND_TODAY", timedelta(days=14))
    now = datetime.now(UTC)
    return next(each for each in load_sessions("XNYS", now, extended=False) if each.opens > now)


async def poll_at(settings: SourceSettings, clock: Clock, moments: Iterable[datetime]) -> list[int]:
    """How many symbols live polling is granted at each of the moments."""
    granted, shared = [], PostgresBudget(settings, LIVE)
    try:
        for moment in moments:
            clock.set(f"{moment:%Y-%m-%d %H:%M:%S}")
            granted.append(0)
            with suppress(Deferred):
                for symbol in settings.symbols:
                    await shared.take(symbol, 5)
                    granted[-1] += 1
    finally:
        await shared.close()
    return granted


def test_a_budget_that_does_for_the_hours_of_trading_is_not_paced(
    task_environment: dict[str, str], clock: Clock, session: Session, owner_dsn: str
) -> None:
    settings = limited(per_day=800, day_zone="UTC", poll="regular", symbols=["AAPL", "MSFT"])
    minutes = [session.opens + number * timedelta(minutes=1) for number in range(391)]
    clock.set(f"{session.opens - timedelta(hours=1):%Y-%m-%d %H:%M:%S}")
    # 392 minutes of two symbols and a poll of both are kept.
    with pytest.raises(Deferred):
        asyncio.run(take(settings, GAPS, 20))
    assert spent(settings, owner_dsn) == 800 - 2 * 392 - 2

    assert asyncio.run(poll_at(settings, clock, minutes[:10])) == [2] * 10
    asyncio.run(poll_at(settings, clock, minutes[10:380:37]))
    assert asyncio.run(poll_at(settings, clock, minutes[-10:])) == [2] * 10


def test_a_budget_that_does_not_is_spread_over_the_hours_of_trading(
    task_environment: dict[str, str], clock: Clock, session: Session, owner_dsn: str
) -> None:
    settings = limited(per_day=25, day_zone="UTC", poll="regular", symbols=["AAPL", "MSFT", "NVDA", "IBM", "JPM"])
    halves = [session.opens + number * timedelta(minutes=196) for number in range(3)]
    before = [session.opens.replace(hour=1), session.opens - timedelta(minutes=1)]
    assert asyncio.run(poll_at(settings, clock, [*before, halves[0]])) == [5, 0, 0]
    half = [halves[0] + number * timedelta(minutes=7) for number in range(1, 28)]
    assert sum(asyncio.run(poll_at(settings, clock, half))) == 9
    rest = [halves[1] + number * timedelta(minutes=7) for number in range(28)]
    assert sum(asyncio.run(poll_at(settings, clock, rest))) == 10


def test_around_the_vendors_midnight_nothing_is_asked_and_the_day_begins_afresh(
    task_environment: dict[str, str], clock: Clock
) -> None:
    settings = limited(per_day=2, day_zone="America/New_York")
    clock.set("2026-11-23 04:59:50")
    asyncio.run(take(settings, LIVE, 2))
    with pytest.raises(DailyBudgetExhausted, match=r"next day begins in 0:00:1"):
        asyncio.run(take(settings, LIVE))
    clock.set("2026-11-23 04:59:56")
    with pytest.raises(TimeoutError):
        asyncio.run(take(settings, LIVE, within_seconds=3))
    clock.set("2026-11-23 05:00:04")
    began = time.monotonic()
    asyncio.run(take(settings, LIVE, within_seconds=3))
    assert time.monotonic() - began > 0.8


def test_a_grant_that_comes_too_late_is_not_used_and_not_counted(
    task_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, owner_dsn: str
) -> None:
    monkeypatch.setattr(budget, "USE_WITHIN_SECONDS", 0.25)
    settings = limited(per_day=100)
    decide, stalls = PostgresBudget._decide, [0.3, 0.0]

    async def stall(self: PostgresBudget, *arguments: Any) -> Any:
        decision = await decide(self, *arguments)
        time.sleep(stalls.pop(0))
        return decision

    monkeypatch.setattr(PostgresBudget, "_decide", stall)
    asyncio.run(take(settings, HISTORY, within_seconds=5))
    assert stalls == []
    assert spent(settings, owner_dsn) == 1


def test_a_connection_that_broke_is_opened_again(task_environment: dict[str, str], owner_dsn: str) -> None:
    async def over_two_connections() -> None:
        shared = PostgresBudget(limited(), LIVE)
        await shared.take("MSFT", 1)
        assert shared._connection
        await shared._connection.close()
        await shared.take("MSFT", 1)
        await shared.close()

    asyncio.run(over_two_connections())
    assert spent(limited(), owner_dsn) == 2
