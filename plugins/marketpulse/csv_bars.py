"""Bars from a CSV file, plain or gzipped, each line held to the contract's rules.

Columns, in any order and any case: `ts_utc`, or `time` or `timestamp`; `open`, `high`, `low`, `close`, `volume`; and
`symbol`, unless one is given for the whole file. Other columns are left alone.
"""

from __future__ import annotations

import csv
import gzip
import re
import zlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from marketpulse.bars import INTERVAL, Bar
from marketpulse.config import INSTRUMENTS_FILE
from marketpulse.errors import MarketPulseError
from marketpulse.local_times import to_utc

TIME_COLUMNS = ("ts_utc", "time", "timestamp")
PRICE_COLUMNS = ("open", "high", "low", "close")
FUTURE_ALLOWED = timedelta(minutes=5)
_GZIP_MAGIC = b"\x1f\x8b"
_PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)
_VOLUME = re.compile(r"[0-9]{1,20}(\.[0-9]{1,8})?", re.ASCII)


class UnusableFile(MarketPulseError):
    """The file as a whole cannot be imported; says why and what to change."""


class _BadLineError(ValueError):
    """Why one line is refused."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """A line that breaks a rule.

    Attributes:
        number: Its line in the file; the header is line 1.
        reason: Which rule, with the value.
    """

    number: int
    reason: str


def read_bars(
    path: Path,
    *,
    source: str,
    symbol: str | None,
    zone: ZoneInfo | None,
    known_symbols: Collection[str],
    now: datetime,
    refuse: Callable[[RefusedLine], None],
) -> Iterator[Bar]:
    """Read a file line by line.

    Args:
        path: The file, plain or gzipped.
        source: The source that the bars are stored under.
        symbol: The instrument, where the file has no such column.
        zone: The zone of times without an offset.
        known_symbols: What may be imported.
        now: Aware, UTC; bars of the future are refused.
        refuse: Gets each line that breaks a rule.

    Yields:
        The good bars, in the order of the file.

    Raises:
        UnusableFile: The file cannot be read, or its columns or times do not fit.
    """
    try:
        with path.open("rb") as start:
            opener = gzip.open if start.read(2) == _GZIP_MAGIC else open
        with opener(path, "rt", encoding="utf-8-sig", errors="backslashreplace", newline="") as lines:
            yield from _read(csv.reader(lines), path, source, symbol, zone, known_symbols, now, refuse)
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UnusableFile(f"{path}: {reason}. Next: check the name, and that the file is complete.") from error


def _read(
    rows: Iterator[list[str]],
    path: Path,
    source: str,
    symbol: str | None,
    zone: ZoneInfo | None,
    known_symbols: Collection[str],
    now: datetime,
    refuse: Callable[[RefusedLine], None],
) -> Iterator[Bar]:
    header = next(rows, None)
    if header is None:
        raise UnusableFile(f"{path} is empty. Next: name a file with a header line and bars.")
    columns = _Columns.of(header, path, symbol, zone)
    while True:
        try:
            row = next(rows)
            if row:
                yield columns.bar(row, source, known_symbols, now)
        except StopIteration:
            return
        except (csv.Error, _BadLineError, ValueError) as error:
            refuse(RefusedLine(rows.line_num, str(error)))  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class _Columns:
    path: Path
    count: int
    time: int
    time_is_utc: bool
    values: tuple[int, ...]
    symbol_column: int | None
    symbol: str | None
    zone: ZoneInfo | None

    @classmethod
    def of(cls, header: Sequence[str], path: Path, symbol: str | None, zone: ZoneInfo | None) -> _Columns:
        names = [name.strip().lower() for name in header]
        time = next((name for name in TIME_COLUMNS if name in names), None)
        missing = [name for name in (*PRICE_COLUMNS, "volume") if name not in names]
        if time is None:
            missing.insert(0, "ts_utc (or time, or timestamp)")
        if missing:
            raise UnusableFile(
                f"{path}: no column {', '.join(missing)}; its header is {','.join(header)[:200]!r}. "
                "Next: give the file a header line with these names."
            )
        if "symbol" in names and symbol:
            raise UnusableFile(f"{path} has a column symbol. Next: leave out SYMBOL (--symbol), or remove the column.")
        if "symbol" not in names and not symbol:
            raise UnusableFile(f"{path} has no column symbol. Next: add SYMBOL=MSFT (--symbol MSFT), or what it holds.")
        return cls(
            path=path,
            count=len(names),
            time=names.index(str(time)),
            time_is_utc=time == "ts_utc",
            values=tuple(names.index(name) for name in (*PRICE_COLUMNS, "volume")),
            symbol_column=names.index("symbol") if "symbol" in names else None,
            symbol=symbol,
            zone=zone,
        )

    def bar(self, row: Sequence[str], source: str, known_symbols: Collection[str], now: datetime) -> Bar:
        if len(row) != self.count:
            raise _BadLineError(f"{len(row)} fields instead of {self.count}")
        symbol = row[self.symbol_column].strip() if self.symbol_column is not None else str(self.symbol)
        if symbol not in known_symbols:
            raise _BadLineError(f"unknown symbol {symbol[:40]!r}: add it to {INSTRUMENTS_FILE}")
        ts = self._start(row[self.time].strip())
        if ts > now + FUTURE_ALLOWED:
            raise _BadLineError(f"{ts:%Y-%m-%dT%H:%M:%SZ} lies in the future")
        values = [row[column].strip() for column in self.values]
        _check_values(*values)
        return Bar(source, symbol, INTERVAL, ts, *values)

    def _start(self, text: str) -> datetime:
        try:
            ts = datetime.fromisoformat(text)
        except ValueError:
            raise _BadLineError(f"{text[:40]!r} is not a time like 2020-12-18 20:00:00") from None
        if ts.second or ts.microsecond:
            raise _BadLineError(f"{text!r} is not a whole minute")
        if ts.tzinfo:
            return ts.astimezone(UTC)
        if self.time_is_utc:
            return ts.replace(tzinfo=UTC)
        if self.zone is None:
            raise UnusableFile(
                f"{self.path}: {text!r} says no time zone. Next: add the zone of the file's times, such as "
                "TZ=America/New_York (--tz America/New_York) or TZ=UTC."
            )
        return to_utc(ts, self.zone)


def _check_values(open_: str, high: str, low: str, close: str, volume: str) -> None:
    for name, text in zip(PRICE_COLUMNS, (open_, high, low, close), strict=True):
        if not _PRICE.fullmatch(text):
            raise _BadLineError(f"{name} {text[:40]!r} is not a plain decimal (12 digits, 8 decimals at most)")
        if not text.strip("0."):
            raise _BadLineError(f"{name} {text} is not above zero")
    if not _VOLUME.fullmatch(volume):
        raise _BadLineError(f"volume {volume[:40]!r} is not a plain decimal (20 digits, 8 decimals at most)")
    lowest, highest = Decimal(low), Decimal(high)
    if not (lowest <= Decimal(open_) <= highest and lowest <= Decimal(close) <= highest):
        raise _BadLineError(f"open {open_} and close {close} do not lie between low {low} and high {high}")
