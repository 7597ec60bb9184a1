"""The trading days of exchanges, from the package exchange_calendars, which takes seconds to import."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from marketpulse.config import INSTRUMENTS_FILE, ConfigError

ALWAYS_OPEN = "24/7"
_AROUND = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class TradingSession:
    """One trading day of a calendar.

    Attributes:
        session: The day, as the exchange names it.
        hours: Start and end of each stretch of regular trading; aware, UTC. Two where there is a lunch break.
    """

    session: date
    hours: tuple[tuple[datetime, datetime], ...]


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
    import pandas as pd  # type: ignore[import-untyped]

    exchange = open_calendar(calendar, first, last)
    sessions = []
    for day, row in exchange.schedule.iterrows():
        edges = [row["open"], row["break_start"], row["break_end"], row["close"]]
        times = [edge.to_pydatetime() for edge in edges if not pd.isna(edge)]
        sessions.append(TradingSession(day.date(), tuple(zip(times[0::2], times[1::2], strict=True))))
    return sessions


def session_span(calendar: str, day: date) -> tuple[datetime, datetime] | None:
    """Start and end of the exchange's day, extended hours included, in UTC; None when it has no session then.

    Raises:
        ConfigError: exchange_calendars has no such calendar.
    """
    if calendar == ALWAYS_OPEN:
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        return start, start + timedelta(days=1)
    # The package wants at least one session within its bounds.
    exchange = open_calendar(calendar, day - _AROUND, day + _AROUND)
    if not exchange.is_session(day.isoformat()):
        return None
    starts = [datetime.combine(each, time(), exchange.tz) for each in (day, day + timedelta(days=1))]
    return starts[0].astimezone(UTC), starts[1].astimezone(UTC)


def open_calendar(calendar: str, first: date, last: date) -> Any:
    """The package's calendar of these days.

    Raises:
        ConfigError: exchange_calendars has no such calendar.
    """
    import exchange_calendars
    from exchange_calendars.errors import InvalidCalendarName

    try:
        return exchange_calendars.get_calendar(calendar, start=first.isoformat(), end=last.isoformat())
    except InvalidCalendarName:
        raise ConfigError(
            INSTRUMENTS_FILE,
            "calendar",
            f"exchange_calendars has no calendar {calendar}",
            "use one of its codes, or 24/7",
        ) from None
