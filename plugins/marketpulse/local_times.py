"""Local times without an offset, turned into UTC, clock changes included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


class AmbiguousLocalTimeError(ValueError):
    """The clocks were set back: this local time happened twice."""


class MissingLocalTimeError(ValueError):
    """The clocks were set forward: this local time never happened."""


def to_utc(local: datetime, zone: ZoneInfo, *, first_of_two: bool = False) -> datetime:
    """The instant at which a zone's clocks showed a time.

    Args:
        local: Naive.
        zone: Whose clocks.
        first_of_two: Read a time that happened twice as the first, still in summer time, instead of refusing it.

    Returns:
        Aware, UTC.

    Raises:
        AmbiguousLocalTimeError: The time happened twice, and nothing says which.
        MissingLocalTimeError: The time never happened.
    """
    # PEP 495: before and after a clock change, fold 0 and fold 1 have different offsets.
    before = local.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
    after = local.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
    if before < after:
        raise MissingLocalTimeError(f"{local} never happened in {zone.key}: the clocks were set forward")
    if before > after and not first_of_two:
        raise AmbiguousLocalTimeError(
            f"{local} happened twice in {zone.key}, the clocks were set back: write such times with an offset or in UTC"
        )
    return (local - before).replace(tzinfo=UTC)
