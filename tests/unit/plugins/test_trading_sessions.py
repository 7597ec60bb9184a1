"""Regular trading hours: half days, clock changes, holidays, lunch breaks, markets that never close."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from marketpulse.calendars import trading_sessions
from marketpulse.config import ConfigError


def hours(calendar: str, day: str) -> list[tuple[str, str]]:
    """Start and end of each stretch of trading on a day, in UTC."""
    on = date.fromisoformat(day)
    return [
        (opens.strftime("%H:%M"), closes.strftime("%H:%M"))
        for session in trading_sessions(calendar, on - timedelta(days=5), on + timedelta(days=5))
        for opens, closes in session.hours
        if session.session == on
    ]


@pytest.mark.parametrize(
    ("calendar", "day", "expected"),
    [
        ("XNYS", "2026-11-25", [("14:30", "21:00")]),
        ("XNYS", "2026-11-26", []),  # Thanksgiving
        ("XNYS", "2026-11-27", [("14:30", "18:00")]),  # and the half day after it
        ("XNYS", "2026-11-28", []),
        # The clocks change on Sunday 8 March and on Sunday 1 November.
        ("XNYS", "2026-03-06", [("14:30", "21:00")]),
        ("XNYS", "2026-03-09", [("13:30", "20:00")]),
        ("XNYS", "2026-10-30", [("13:30", "20:00")]),
        ("XNYS", "2026-11-02", [("14:30", "21:00")]),
        # Tokyo has a lunch break, and closes half an hour later since November 2024.
        ("XTKS", "2026-05-15", [("00:00", "02:30"), ("03:30", "06:30")]),
        ("XTKS", "2024-11-01", [("00:00", "02:30"), ("03:30", "06:00")]),
        ("24/7", "2026-12-25", [("00:00", "00:00")]),
    ],
)
def test_hours_of_a_day(calendar: str, day: str, expected: list[tuple[str, str]]) -> None:
    assert hours(calendar, day) == expected


def test_a_day_that_never_closes_ends_at_the_next_midnight() -> None:
    (session,) = trading_sessions("24/7", date(2026, 2, 28), date(2026, 2, 28))
    ((opens, closes),) = session.hours
    assert (opens, closes) == (datetime.fromisoformat("2026-02-28T00:00Z"), datetime.fromisoformat("2026-03-01T00:00Z"))


def test_an_unknown_calendar_names_the_file() -> None:
    with pytest.raises(ConfigError, match=r"config/instruments\.yml.*no calendar XXXX.*Fix"):
        trading_sessions("XXXX", date(2026, 1, 5), date(2026, 1, 9))
