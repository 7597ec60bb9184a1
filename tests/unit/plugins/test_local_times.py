from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marketpulse.local_times import AmbiguousLocalTimeError, MissingLocalTimeError, to_utc

NEW_YORK = ZoneInfo("America/New_York")


def test_summer_and_winter() -> None:
    assert to_utc(datetime.fromisoformat("2020-07-01 09:30"), NEW_YORK) == datetime(2020, 7, 1, 13, 30, tzinfo=UTC)
    assert to_utc(datetime.fromisoformat("2020-12-18 09:30"), NEW_YORK) == datetime(2020, 12, 18, 14, 30, tzinfo=UTC)


def test_a_time_that_happened_twice_is_refused_unless_a_rule_is_asked_for() -> None:
    twice = datetime.fromisoformat("2020-11-01 01:30")
    with pytest.raises(AmbiguousLocalTimeError, match="happened twice in America/New_York"):
        to_utc(twice, NEW_YORK)

    assert to_utc(twice, NEW_YORK, first_of_two=True) == datetime(2020, 11, 1, 5, 30, tzinfo=UTC)


def test_a_time_that_never_happened_is_refused() -> None:
    for rule in (False, True):
        with pytest.raises(MissingLocalTimeError, match="never happened"):
            to_utc(datetime.fromisoformat("2020-03-08 02:30"), NEW_YORK, first_of_two=rule)


@given(
    instant=st.datetimes(datetime(1990, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
    zone=st.sampled_from(["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Tokyo", "UTC"]),
)
def test_every_instant_comes_back_or_is_refused_as_ambiguous(instant: datetime, zone: str) -> None:
    local = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)
    try:
        assert to_utc(local, ZoneInfo(zone)) == instant
    except AmbiguousLocalTimeError:
        assert abs((to_utc(local, ZoneInfo(zone), first_of_two=True) - instant).total_seconds()) <= 3600
