"""CSV files of bars, real and synthetic, and whether the warehouse holds exactly what they say."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from marketpulse_stack.settings import REPOSITORY

from tests.running_stack import RunningStack

REAL_BARS = REPOSITORY.parent / "shared" / "data" / "bars"
VALUES = ("open", "high", "low", "close", "volume")
NEW_YORK = ZoneInfo("America/New_York")
Bars = dict[tuple[str, datetime], tuple[Decimal, ...]]


def real_file(name: str) -> Path:
    """A captured file of the folder of reference data; skips the test where that folder is absent."""
    path = REAL_BARS / name
    if not path.exists():
        pytest.skip(f"the reference data {path} is not on this machine; a synthetic file takes its place")
    return path


def read_file(path: Path, *, symbol: str | None = None) -> Bars:
    """The bars of a file by symbol and start; times without an offset are New York's."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        rows = list(csv.DictReader(file))
    bars = {}
    for row in rows:
        moment = datetime.fromisoformat(row.get("ts_utc") or row["time"])
        start = (moment if moment.tzinfo else moment.replace(tzinfo=NEW_YORK)).astimezone(UTC)
        bars[symbol or row["symbol"], start] = tuple(Decimal(row[value]) for value in VALUES)
    assert len(bars) == len(rows)
    return bars


def loaded(stack: RunningStack, source: str) -> Bars:
    """The bars of market.bars_1m that came from a source."""
    columns = ", ".join(VALUES)
    rows = stack.query(f"SELECT symbol, ts, {columns} FROM market.bars_1m WHERE source = %s", source)
    return {(symbol, start): tuple(values) for symbol, start, *values in rows}


def write_import_file(path: Path, *, minutes: int = 300) -> Path:
    """Two symbols with fractional volumes, prices of many digits and gaps, in UTC."""
    return _write(path, "symbol,ts_utc", _import_rows(minutes))


def write_replay_file(path: Path, *, end: datetime) -> Path:
    """One symbol in New York's time, newest first, as the vendor answers; the last bar starts at `end`."""
    return _write(path, "time", _replay_rows(end))


def _write(path: Path, key_columns: str, rows: Iterator[tuple[str, ...]]) -> Path:
    lines = [f"{key_columns},{','.join(VALUES)}", *(",".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


def _import_rows(minutes: int) -> Iterator[tuple[str, ...]]:
    for symbol, base in (("BTCEUR", 8000), ("LTCUSD", 120)):
        for minute in (number for number in range(minutes) if number % 7):
            start = datetime(2018, 1, 5, tzinfo=UTC) + timedelta(minutes=minute)
            low, high = Decimal(base) + Decimal(minute) / 128, Decimal(base + 3) + Decimal(minute) / 128
            prices = (low + Decimal("0.5"), high, low, low + 1)
            volume = Decimal(minute * 1_234_567 + 1) / 10**8
            yield (symbol, f"{start:%Y-%m-%dT%H:%M:%SZ}", *map(str, prices), f"{volume:f}")


def _replay_rows(end: datetime) -> Iterator[tuple[str, ...]]:
    for number in range(400):
        start = end - timedelta(minutes=number + number // 50)
        low = Decimal(200) + Decimal(number) / 100
        prices = (low + Decimal("0.25"), low + 2, low, low + 1)
        yield (f"{start.astimezone(NEW_YORK):%Y-%m-%d %H:%M:%S}", *map(str, prices), str(1000 + number))
