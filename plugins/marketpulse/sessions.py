"""When an instrument is worth asking for: its exchange's sessions, extended hours included.

`exchange_calendars` takes seconds to import, so its sessions are computed for months ahead and kept in a small file
under `MARKETPULSE_HOME/cache`; the every-minute task reads that.
"""

from __future__ import annotations

import json
import logging
import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import cache
from importlib.metadata import version
from pathlib import Path
from zoneinfo import ZoneInfo

from marketpulse.calendars import ALWAYS_OPEN, open_calendar
from marketpulse.config import Instrument
from marketpulse.watermarks import Watermark

# The bar of the last minute is complete only after the close.
AFTER_CLOSE = timedelta(minutes=2)
# One more look for bars that arrived late.
STRAGGLERS_AFTER = timedelta(minutes=10)
CACHED_PAST = timedelta(days=14)
CACHED_AHEAD = timedelta(days=180)
REFRESH_BEFORE_END = timedelta(days=14)

# Local hours in which bars of extended trading arrive; elsewhere the exchange's own open and close.
EXTENDED_HOURS = {
    "XNYS": (time(4), time(20), ZoneInfo("America/New_York")),
    "XNAS": (time(4), time(20), ZoneInfo("America/New_York")),
}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Session:
    """One trading day.

    Attributes:
        opens: First instant of trading, extended or regular as asked for; aware, UTC.
        closes: End of that trading; aware, UTC.
    """

    opens: datetime
    closes: datetime


def is_due(instrument: Instrument, known: Watermark | None, now: datetime, *, poll: str = "session") -> bool:
    """Whether to ask the vendor for an instrument now.

    Always, when nothing was published yet, when its market never closes or when `poll` is `always`; else while its
    exchange trades (`session`: extended hours included, `regular`: without them), and once more some minutes after the
    close (or at the next chance, after an outage).

    Args:
        instrument: What might be asked for.
        known: What has been published of it.
        now: Aware, UTC.
        poll: The source's `poll` setting.
    """
    if known is None or poll == "always" or instrument.calendar == ALWAYS_OPEN:
        return True
    last = _last_session(load_sessions(instrument.calendar, now, extended=poll != "regular"), now)
    if last is None:
        return False
    if now < last.closes + AFTER_CLOSE:
        return True
    stragglers_at = last.closes + STRAGGLERS_AFTER
    return now >= stragglers_at and (known.asked_at is None or known.asked_at < stragglers_at)


def polling_hours(
    instrument: Instrument, start: datetime, end: datetime, *, poll: str = "session"
) -> list[tuple[datetime | None, datetime | None]]:
    """When `is_due` says yes at every minute, in ascending order; None is without end.

    Args:
        instrument: What is asked for.
        start: The hours wanted begin with the session that ends after this; aware, UTC.
        end: And end with the one that begins before this; aware, UTC.
        poll: The source's `poll` setting.
    """
    if poll == "always" or instrument.calendar == ALWAYS_OPEN:
        return [(None, None)]
    sessions = load_sessions(instrument.calendar, start, extended=poll != "regular")
    return [(each.opens, each.closes + AFTER_CLOSE) for each in sessions if each.closes > start and each.opens < end]


def load_sessions(calendar: str, now: datetime, *, extended: bool = True) -> Sequence[Session]:
    """The sessions around now, from the cache file or freshly computed.

    Raises:
        ConfigError: exchange_calendars has no such calendar.
    """
    path = _cache_file(calendar if extended else f"regular-{calendar}")
    cached = _read(path) if path else None
    if cached and cached[0].opens <= now and now + REFRESH_BEFORE_END <= cached[-1].closes:
        return cached
    sessions = compute_sessions(calendar, now, extended=extended)
    if path:
        _write(path, sessions)
    return sessions


def compute_sessions(calendar: str, now: datetime, *, extended: bool = True) -> tuple[Session, ...]:
    """Ask exchange_calendars; slow to import, so called once in months.

    Raises:
        ConfigError: exchange_calendars has no such calendar.
    """
    exchange = open_calendar(calendar, (now - CACHED_PAST).date(), (now + CACHED_AHEAD).date())
    hours = EXTENDED_HOURS.get(calendar) if extended else None
    sessions = []
    for day, row in exchange.schedule.iterrows():
        opens, closes = row["open"].to_pydatetime(), row["close"].to_pydatetime()
        if hours:
            first, last, zone = hours
            opens = datetime.combine(day.date(), first, zone)
            closes = datetime.combine(day.date(), last, zone)
        sessions.append(Session(opens.astimezone(UTC), closes.astimezone(UTC)))
    return tuple(sessions)


def _last_session(sessions: Sequence[Session], now: datetime) -> Session | None:
    begun = bisect_right(sessions, now, key=lambda session: session.opens)
    return sessions[begun - 1] if begun else None


def _cache_file(name: str) -> Path | None:
    home = os.environ.get("MARKETPULSE_HOME")
    if not home:
        return None
    return Path(home) / "cache" / f"sessions-{name.replace('/', '-')}-{_calendars_version()}.json"


@cache
def _calendars_version() -> str:
    return version("exchange-calendars")


def _read(path: Path) -> tuple[Session, ...] | None:
    try:
        rows = json.loads(path.read_bytes())
        return tuple(Session(datetime.fromisoformat(opens), datetime.fromisoformat(closes)) for opens, closes in rows)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        log.warning("%s is unreadable (%s) and will be written anew", path.name, error)
        return None


def _write(path: Path, sessions: Sequence[Session]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed: a reader never sees half a file.
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    aside.write_text(json.dumps([(s.opens.isoformat(), s.closes.isoformat()) for s in sessions]), encoding="utf-8")
    aside.replace(path)
