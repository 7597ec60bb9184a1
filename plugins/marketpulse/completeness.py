"""Which bars there should be, and which there are."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from marketpulse import metrics
from marketpulse.config import INSTRUMENTS_FILE, ConfigError, SourceSettings, load_instruments, load_sources
from marketpulse.sessions import ALWAYS_OPEN
from marketpulse.warehouse import connect, sql

FIRST_SESSION = date(2000, 1, 3)
AHEAD = timedelta(days=60)
# A bar counts as missing once its minute is so long ago: late answers and the loader have had their time.
SETTLED_AFTER = timedelta(minutes=10)
STATEMENT_SECONDS = 300
LOCK_SECONDS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TradingSession:
    """One trading day of a calendar.

    Attributes:
        session: The day, as the exchange names it.
        hours: Start and end of each stretch of regular trading; aware, UTC. Two where there is a lunch break.
    """

    session: date
    hours: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many bars of a source should be there, and how many are."""

    source: str
    expected: int
    present: int


def trading_sessions(calendar: str, first: date, last: date) -> list[TradingSession]:
    """The regular sessions of a calendar, holidays, half days and clock changes included.

    Raises:
        ConfigError: exchange_calendars has no such calendar.
    """
    if calendar == ALWAYS_OPEN:
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        starts = [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]
        return [
            TradingSession(day, ((start, start + timedelta(days=1)),)) for day, start in zip(days, starts, strict=True)
        ]
    import exchange_calendars
    import pandas as pd  # type: ignore[import-untyped]
    from exchange_calendars.errors import InvalidCalendarName

    try:
        exchange = exchange_calendars.get_calendar(calendar, start=first.isoformat(), end=last.isoformat())
    except InvalidCalendarName:
        raise ConfigError(
            INSTRUMENTS_FILE,
            "calendar",
            f"exchange_calendars has no calendar {calendar}",
            "use one of its codes, or 24/7",
        ) from None
    sessions = []
    for day, row in exchange.schedule.iterrows():
        edges = [row["open"], row["break_start"], row["break_end"], row["close"]]
        times = [edge.to_pydatetime() for edge in edges if not pd.isna(edge)]
        sessions.append(TradingSession(day.date(), tuple(zip(times[0::2], times[1::2], strict=True))))
    return sessions


def sync_sessions(connection: psycopg.Connection, calendars: Iterable[str], first: date, last: date) -> int:
    """Make `market.sessions` say what the calendars say of these days; returns how many rows changed.

    Raises:
        ConfigError: exchange_calendars has no such calendar.
    """
    changed = 0
    for calendar in sorted(calendars):
        sessions = trading_sessions(calendar, first, last)
        with connection.transaction(), connection.cursor() as cursor:
            days = [each.session for each in sessions]
            cursor.execute(
                sql("market/sessions/delete_others.sql"),
                {"calendar": calendar, "first": first, "last": last, "sessions": days},
            )
            changed += cursor.rowcount
            cursor.executemany(
                sql("market/sessions/upsert.sql"),
                [{"calendar": calendar, "session": each.session, "hours": _multirange(each)} for each in sessions],
            )
            changed += cursor.rowcount
    return changed


def measure_coverage(
    connection: psycopg.Connection, sources: Mapping[str, SourceSettings], now: datetime
) -> list[Coverage]:
    """Bring `ops.coverage` up to date; returns the sums of each source that has bars.

    Args:
        connection: An autocommit connection.
        sources: All that are configured. One that is disabled owes no bar after its newest.
        now: Aware, UTC.
    """
    polled = [(source.name, symbol) for source in sources.values() if source.enabled for symbol in source.symbols]
    rows = connection.execute(
        sql("ops/coverage/measure.sql"),
        {
            "until": (now - SETTLED_AFTER).replace(second=0, microsecond=0),
            "sources": list(sources),
            "polling": [source for source, _ in polled],
            "polled": [symbol for _, symbol in polled],
        },
    )
    return [Coverage(*row) for row in rows]


def check_completeness(now: datetime) -> list[Coverage]:
    """Bring sessions and coverage up to date, and say what is missing.

    Raises:
        ConfigError: A setting is wrong.
    """
    instruments = load_instruments()
    sources = load_sources(instruments)
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        calendars = {instrument.calendar for instrument in instruments.values()}
        changed = sync_sessions(connection, calendars, FIRST_SESSION, (now + AHEAD).date())
        log.info("market.sessions: %d rows changed", changed)
        coverage = measure_coverage(connection, sources, now)
    for each in coverage:
        missing = each.expected - each.present
        log.info("%s: %d of %d bars, %d missing", each.source, each.present, each.expected, missing)
        metrics.gauge("bars_missing", missing, source=each.source)
    return coverage


def _multirange(session: TradingSession) -> TimestamptzMultirange:
    return TimestamptzMultirange([TimestamptzRange(opens, closes) for opens, closes in session.hours])
