"""The replayed market: the bars of a CSV file, every decimal string exactly as it stands there."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

from simulator.bars import Bar, Dividend, Split, merged
from simulator.instruments import Instrument, instrument_for
from simulator.sessions import minute_of, session_on

_TIME_COLUMNS = ("ts_utc", "time", "timestamp")
_NUMBER_COLUMNS = ("open", "high", "low", "close", "volume")
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,8})?")
_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9.-]{0,23}")
_GZIP = b"\x1f\x8b"
_REPORTED = 10


class ReplayFileError(ValueError):
    """The replay file cannot be served; the message names each bad line and what is wrong with it."""


class _BadLineError(ValueError):
    pass


class ReplayMarket:
    """A market read from a file: it has no bar that the file does not have, and knows of no corporate action.

    Args:
        bars: Each symbol's bars, oldest first.
        known: What the pipeline knows about symbols; one that it does not know counts as a New York share.
    """

    def __init__(self, bars: Mapping[str, Sequence[Bar]], known: Mapping[str, Instrument]) -> None:
        self._bars = bars
        self._instruments = {symbol: instrument_for(symbol, known) for symbol in sorted(bars)}

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What the file has bars of, by symbol."""
        return self._instruments

    def first_minute(self, symbol: str) -> int:
        """Returns the minute of the symbol's oldest bar."""
        return self._bars[symbol][0].minute

    def bars(self, symbol: str, start: int, end: int, *, adjusted: bool = True) -> list[Bar]:
        """Returns the file's bars of [start, end), oldest first; `adjusted` changes nothing."""
        bars = self._bars[symbol]
        places = (bisect_left(bars, minute, key=lambda bar: bar.minute) for minute in (start, end))
        return list(bars[slice(*places)])

    def daily(self, symbol: str, day: dt.date, end: int) -> Bar | None:
        """Returns the bar of the regular session of `day` over its minutes before `end`, if any traded."""
        session = session_on(self._instruments[symbol], day)
        bars = self.bars(symbol, session.open, min(end, session.close)) if session else []
        return merged(session.open, bars) if session and bars else None

    def splits(self, symbol: str) -> Sequence[Split]:
        """Returns nothing: the file tells of no split."""
        return ()

    def dividends(self, symbol: str) -> Sequence[Dividend]:
        """Returns nothing: the file tells of no dividend."""
        return ()


def read_bars(path: Path, symbol: str | None, zone: ZoneInfo) -> dict[str, list[Bar]]:
    """Returns the bars of a CSV file, plain or gzipped, by symbol and oldest first.

    Columns are found by name: `symbol` (or `symbol` is given), one of `ts_utc`, `time` and `timestamp`, and `open`,
    `high`, `low`, `close`, `volume`. A time without a zone is UTC in `ts_utc` and `zone` elsewhere.

    Args:
        path: The file.
        symbol: The symbol of a file without a symbol column.
        zone: The zone of times that carry none.

    Raises:
        ReplayFileError: The file is missing, empty, not such a file, or has bad lines; the first ten are named.
    """
    try:
        content = path.read_bytes()
        text = (gzip.decompress(content) if content.startswith(_GZIP) else content).decode("utf-8-sig")
    except (OSError, EOFError, gzip.BadGzipFile, UnicodeDecodeError) as error:
        raise ReplayFileError(f"Cannot read the replay file {path}: {error}") from error

    rows = csv.reader(io.StringIO(text, newline=""))
    columns = _columns(path, next(rows, []), symbol)
    found: dict[str, dict[int, Bar]] = {}
    problems = []
    for line, row in _numbered(rows):
        try:
            name, bar = _parsed(row, columns, symbol, zone)
            if bar.minute in found.setdefault(name, {}):
                raise _BadLineError(f"a second bar of {name} for the same minute")
            found[name][bar.minute] = bar
        except _BadLineError as error:
            problems.append(f"line {line}: {error}")
    if problems:
        more = f"\n  and {len(problems) - _REPORTED} more" if len(problems) > _REPORTED else ""
        listed = "".join(f"\n  {problem}" for problem in problems[:_REPORTED])
        raise ReplayFileError(f"The replay file {path} has {len(problems)} bad lines:{listed}{more}")
    if not found:
        raise ReplayFileError(f"The replay file {path} has no bars.")
    return {name: [bars[minute] for minute in sorted(bars)] for name, bars in found.items()}


def _numbered(rows: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    for line, row in enumerate(rows, start=2):
        if row:
            yield line, row


def _columns(path: Path, header: list[str], symbol: str | None) -> dict[str, int]:
    columns = {name.strip().lower(): index for index, name in enumerate(header)}
    missing = [name for name in _NUMBER_COLUMNS if name not in columns]
    if not any(name in columns for name in _TIME_COLUMNS):
        missing.append("ts_utc, time or timestamp")
    if missing:
        raise ReplayFileError(
            f"The replay file {path} lacks the columns {', '.join(missing)}; its first line: {header}"
        )
    if "symbol" not in columns and not symbol:
        raise ReplayFileError(f"The replay file {path} has no symbol column: say its symbol in SIM_REPLAY_SYMBOL.")
    return columns


def _parsed(row: list[str], columns: dict[str, int], symbol: str | None, zone: ZoneInfo) -> tuple[str, Bar]:
    if len(row) != len(columns):
        raise _BadLineError(f"{len(row)} fields where the header has {len(columns)}")
    name = row[columns["symbol"]].strip() if "symbol" in columns else symbol or ""
    if not _SYMBOL.fullmatch(name):
        raise _BadLineError(f"symbol {name!r} is not a symbol")
    numbers = [row[columns[column]].strip() for column in _NUMBER_COLUMNS]
    for column, number in zip(_NUMBER_COLUMNS, numbers, strict=True):
        if not _NUMBER.fullmatch(number):
            raise _BadLineError(f"{column} {number!r} is not a plain decimal of at most 8 places")
    opening, high, low, closing, _ = (Decimal(number) for number in numbers)
    if low <= 0:
        raise _BadLineError(f"low {numbers[2]} is not above zero")
    if high < max(opening, low, closing):
        raise _BadLineError(f"high {numbers[1]} is below another price of the bar")
    if low > min(opening, closing):
        raise _BadLineError(f"low {numbers[2]} is above another price of the bar")
    column = next(name for name in _TIME_COLUMNS if name in columns)
    minute = _minute(row[columns[column]].strip(), dt.UTC if column == "ts_utc" else zone)
    return name, Bar(minute, *numbers)


def _minute(text: str, zone: dt.tzinfo) -> int:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise _BadLineError(f"time {text!r} is not a time such as 2020-12-18 20:00:00") from error
    if moment.second or moment.microsecond:
        raise _BadLineError(f"time {text!r} is not a whole minute")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
        if moment.astimezone(dt.UTC).astimezone(zone) != moment:
            raise _BadLineError(f"time {text!r} does not exist in {zone}: clocks were put forward")
    return minute_of(moment)
