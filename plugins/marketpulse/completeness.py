"""Which bars there should be, and which there are."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import psycopg
from psycopg.types.multirange import TimestamptzMultirange
from psycopg.types.range import TimestamptzRange

from marketpulse import metrics
from marketpulse.calendars import TradingSession, trading_sessions
from marketpulse.config import SourceSettings, load_instruments, load_sources
from marketpulse.gaps import follow_coverage
from marketpulse.warehouse import connect, sql

# Sessions are known from a week before the oldest bar on, and ahead of today.
BEFORE = timedelta(days=7)
AHEAD = timedelta(days=60)
# A bar counts as missing once its minute is so long ago: late answers and the loader have had their time.
SETTLED_AFTER = timedelta(minutes=10)
STATEMENT_SECONDS = 300
LOCK_SECONDS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many minutes of a source should have a bar, how many have one, and of how many the vendor has none."""

    source: str
    expected: int
    present: int
    untraded: int

    @property
    def missing(self) -> int:
        """How many bars are not there."""
        return self.expected - self.present - self.untraded


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
        connection: Where to.
        sources: All that are configured. One that is not asked for bars owes none after its newest.
        now: Aware, UTC.
    """
    asked = [source for source in sources.values() if source.is_asked_for("bars")]
    polled = [(source.name, symbol) for source in asked for symbol in source.symbols]
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
    """Bring sessions, coverage and gaps up to date, and say what is missing.

    Raises:
        ConfigError: A setting is wrong.
    """
    instruments = load_instruments()
    sources = load_sources(instruments)
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        row = connection.execute(sql("ops/coverage/oldest.sql"), {"sources": list(sources)}).fetchone()
        if not row or row[0] is None:
            log.info("there are no bars yet")
            return []
        calendars = {instrument.calendar for instrument in instruments.values()}
        changed = sync_sessions(connection, calendars, (row[0] - BEFORE).date(), (now + AHEAD).date())
        log.info("market.sessions: %d rows changed", changed)
        with connection.transaction():
            connection.execute(sql("ops/coverage/lock.sql"))
            coverage = measure_coverage(connection, sources, now)
            opened, closed = follow_coverage(connection, sources)
    log.info("gaps: %d opened, %d closed", opened, closed)
    for each in coverage:
        log.info("%s: %d of %d bars, %d missing", each.source, each.present, each.expected, each.missing)
        metrics.gauge("bars_missing", each.missing, source=each.source)
    return coverage


def _multirange(session: TradingSession) -> TimestamptzMultirange:
    return TimestamptzMultirange([TimestamptzRange(opens, closes) for opens, closes in session.hours])
