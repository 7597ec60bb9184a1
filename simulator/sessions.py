"""When markets trade. A minute is always counted from 1970-01-01 00:00 UTC and names the bar that begins with it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import exchange_calendars as xcals

from simulator.instruments import Instrument

DAY = 24 * 60
NEW_YORK = ZoneInfo("America/New_York")
ALWAYS_OPEN = "24/7"

_EPOCH = dt.date(1970, 1, 1)
_PRE_MARKET_OPENS = dt.time(4)
# The post-market lasts four hours after the close: until 20:00, on a half day until 17:00.
_POST_MARKET_MINUTES = 4 * 60
_WITH_EXTENDED_HOURS = frozenset({"XNYS", "XNAS"})


@dataclass(frozen=True)
class Session:
    """One trading day; every bound is a minute, and the later one of each pair is exclusive.

    Attributes:
        day: The exchange's own date; for a market that never closes the UTC date.
        first: Where the pre-market begins.
        open: Where regular trading begins.
        close: Where regular trading ends.
        last: Where the post-market ends.
    """

    day: dt.date
    first: int
    open: int
    close: int
    last: int


def minute_of(moment: dt.datetime) -> int:
    """Returns the minute that holds `moment`, which has a time zone."""
    return int(moment.timestamp() // 60)


def moment_of(minute: int) -> dt.datetime:
    """Returns the beginning of `minute` in UTC."""
    return dt.datetime.fromtimestamp(minute * 60, tz=dt.UTC)


def number_of(day: dt.date) -> int:
    """Returns the days since 1970-01-01."""
    return (day - _EPOCH).days


def date_of(number: int) -> dt.date:
    """Returns the date that is `number` days after 1970-01-01."""
    return _EPOCH + dt.timedelta(days=number)


def session_on(instrument: Instrument, day: dt.date) -> Session | None:
    """Returns the session of `day`, or None on a weekend or holiday."""
    if instrument.calendar == ALWAYS_OPEN:
        start = number_of(day) * DAY
        return Session(day, start, start, start + DAY, start + DAY)
    return _exchange_sessions(instrument.calendar, day.year // 10).get(day)


def sessions_between(instrument: Instrument, start: int, end: int) -> Iterator[Session]:
    """Yields the sessions that have a minute in [start, end), oldest first."""
    # An exchange's date differs from the UTC date by at most one day either way.
    for number in range(start // DAY - 1, (end - 1) // DAY + 2):
        session = session_on(instrument, date_of(number))
        if session and session.first < end and session.last > start:
            yield session


@lru_cache(maxsize=64)
def _exchange_sessions(calendar: str, decade: int) -> dict[dt.date, Session]:
    # A decade at a time: one takes 0.2 s to build, and any year can be asked for.
    source: Any = xcals.get_calendar(calendar, start=f"{decade}0-01-01", end=f"{decade}9-12-31")
    opens = source.opens.dt.tz_localize(None).to_numpy().astype("datetime64[m]").astype(int).tolist()
    closes = source.closes.dt.tz_localize(None).to_numpy().astype("datetime64[m]").astype(int).tolist()
    sessions = {}
    for stamp, opening, closing in zip(source.sessions, opens, closes, strict=True):
        day = stamp.date()
        first, last = opening, closing
        if calendar in _WITH_EXTENDED_HOURS:
            first = minute_of(dt.datetime.combine(day, _PRE_MARKET_OPENS, NEW_YORK))
            last = closing + _POST_MARKET_MINUTES
        sessions[day] = Session(day, first, opening, closing, last)
    return sessions
