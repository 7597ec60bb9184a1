"""TIME_SERIES_INTRADAY and CRYPTO_INTRADAY."""

from __future__ import annotations

import datetime as dt
import re
from zoneinfo import ZoneInfo

from simulator.actions import FIRST_DAY
from simulator.bars import Bar, grouped
from simulator.instruments import Instrument
from simulator.rendering import Answer, bars_csv, bars_json, wall_time
from simulator.request import Request
from simulator.sessions import DAY, NEW_YORK, minute_of, sessions_between

UTC = ZoneInfo("UTC")

_INTERVALS = ("1min", "5min", "15min", "30min", "60min")
_COMPACT = 100
_FULL_DAYS = 30
# Hourly bars of regular hours begin with the session, at half past.
_HALF_PAST = 30
_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])")


def time_series_intraday(request: Request) -> Answer:
    """Answers TIME_SERIES_INTRADAY: times are New York's, extended hours included unless declined."""
    instrument = request.equity()
    interval = request.choice("interval", _INTERVALS)
    extended = request.choice("extended_hours", ("true", "false"), "true") == "true"
    adjusted = request.choice("adjusted", ("true", "false"), "true") == "true"
    size, bars = _requested(
        request, instrument, _minutes(interval), extended=extended, adjusted=adjusted, zone=NEW_YORK
    )
    if request.wants_csv:
        return bars_csv(bars, NEW_YORK)
    meta = {
        "1. Information": f"Intraday ({interval}) open, high, low, close prices and volume",
        "2. Symbol": instrument.symbol,
        "3. Last Refreshed": wall_time(bars[0].minute, NEW_YORK),
        "4. Interval": interval,
        "5. Output Size": size,
        "6. Time Zone": "US/Eastern",
    }
    return bars_json(meta, f"Time Series ({interval})", bars, NEW_YORK)


def crypto_intraday(request: Request) -> Answer:
    """Answers CRYPTO_INTRADAY: times are UTC, and a bar begins with every minute."""
    instrument = request.crypto()
    interval = request.choice("interval", _INTERVALS)
    size, bars = _requested(request, instrument, _minutes(interval), extended=True, adjusted=True, zone=UTC)
    if request.wants_csv:
        return bars_csv(bars, UTC)
    meta = {
        "1. Information": f"Crypto Intraday ({interval}) Time Series",
        "2. Digital Currency Code": instrument.coin,
        "3. Digital Currency Name": instrument.coin_name,
        "4. Market Code": instrument.currency,
        "5. Market Name": instrument.currency_name,
        "6. Last Refreshed": wall_time(bars[0].minute, UTC),
        "7. Interval": interval,
        "8. Output Size": size,
        "9. Time Zone": "UTC",
    }
    return bars_json(meta, f"Time Series Crypto ({interval})", bars, UTC)


def _minutes(interval: str) -> int:
    return int(interval.removesuffix("min"))


def _requested(
    request: Request, instrument: Instrument, interval: int, *, extended: bool, adjusted: bool, zone: ZoneInfo
) -> tuple[str, list[Bar]]:
    """Returns the vendor's word for the output size, and the bars asked for, newest first; there is at least one."""
    compact = request.choice("outputsize", ("compact", "full"), "compact") == "compact"
    series = _Series(request, instrument, interval, extended=extended, adjusted=adjusted)
    if request.parameters.get("month"):
        start, end = _month(request, zone)
        bars = series.between(start, min(end, request.end))
        bars = bars[-_COMPACT:] if compact else bars
        size = "Compact" if compact else "Full size"
    elif compact:
        size, bars = "Compact", series.latest(_COMPACT)
    else:
        oldest = request.end - _FULL_DAYS * DAY
        size, bars = "Full size", [bar for bar in series.between(oldest, request.end) if bar.minute >= oldest]
    if not bars:
        raise request.refused()
    return size, request.newest_first(bars)


def _month(request: Request, zone: ZoneInfo) -> tuple[int, int]:
    match = _MONTH.fullmatch(request.parameters["month"])
    if match is None:
        raise request.refused()
    year, month = int(match[1]), int(match[2])
    if (year, month) < (FIRST_DAY.year, FIRST_DAY.month):
        raise request.refused()
    following = (year + month // 12, month % 12 + 1)
    start, end = (minute_of(dt.datetime(*first, 1, tzinfo=zone)) for first in ((year, month), following))
    return start, end


class _Series:
    """The bars of one instrument at one interval, up to now."""

    def __init__(
        self, request: Request, instrument: Instrument, interval: int, *, extended: bool, adjusted: bool
    ) -> None:
        self._request = request
        self._instrument = instrument
        self._interval = interval
        self._extended = extended
        self._adjusted = adjusted
        self._offset = _HALF_PAST if interval == 60 and not extended else 0

    def between(self, start: int, end: int) -> list[Bar]:
        """Returns the complete bars that begin in [start, end), oldest first."""
        start -= (start - self._offset) % self._interval
        bars = grouped(self._one_minute(start, end), self._interval, self._offset)
        if bars and not self._complete(bars[-1].minute):
            bars.pop()
        return bars

    def latest(self, count: int) -> list[Bar]:
        """Returns the last `count` complete bars, or as many as there are, oldest first."""
        end = self._request.end
        first = self._request.market.first_minute(self._instrument.symbol)
        reach = max(DAY, count * self._interval)
        while True:
            # Whole days, so that no bar of several minutes is cut at the far end.
            start = (end - reach) // DAY * DAY
            bars = self.between(start, end)
            if len(bars) >= count or start <= first:
                return bars[-count:]
            reach *= 2

    def _one_minute(self, start: int, end: int) -> list[Bar]:
        market, symbol = self._request.market, self._instrument.symbol
        if self._extended:
            return market.bars(symbol, start, end, adjusted=self._adjusted)
        bars: list[Bar] = []
        for session in sessions_between(self._instrument, start, end):
            bars += market.bars(symbol, max(start, session.open), min(end, session.close), adjusted=self._adjusted)
        return bars

    def _complete(self, minute: int) -> bool:
        end = self._request.end
        if minute + self._interval <= end:
            return True
        # The last hour of regular trading is over with the close.
        sessions = sessions_between(self._instrument, minute, minute + 1)
        return not self._extended and any(session.close <= end for session in sessions)
