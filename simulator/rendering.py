"""Answers as text, in the vendor's layout: four spaces of indent in JSON, CRLF in CSV."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from zoneinfo import ZoneInfo

from simulator.bars import Bar
from simulator.sessions import DAY, date_of, moment_of

_CLOCK = tuple(f"{minute // 60:02}:{minute % 60:02}:00" for minute in range(DAY))


@dataclass(frozen=True)
class Answer:
    """A complete answer; its HTTP status is 200, as of everything that the vendor itself says."""

    body: str
    media_type: str


def json_answer(content: object) -> Answer:
    """Returns `content` as the vendor lays JSON out."""
    return Answer(json.dumps(content, indent=4, ensure_ascii=False), "application/json")


def csv_answer(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Answer:
    """Returns a header and rows as the vendor sends CSV: as a download."""
    lines = [",".join(header), *(",".join(row) for row in rows), ""]
    return Answer("\r\n".join(lines), "application/x-download")


def bars_json(meta: dict[str, str], series: str, bars: Iterable[Bar], zone: ZoneInfo) -> Answer:
    """Returns `bars` in the order given under the key `series`, behind their `Meta Data`.

    Written by hand: 43,200 bars take a tenth of what building and dumping a dictionary takes, and a fault may ask for
    the same key twice, which no dictionary can hold.
    """
    head = json.dumps({"Meta Data": meta}, indent=4)[: -len("\n}")]
    entries = ",\n".join(
        f'        "{wall_time(bar.minute, zone)}": {{\n'
        f'            "1. open": "{bar.open}",\n'
        f'            "2. high": "{bar.high}",\n'
        f'            "3. low": "{bar.low}",\n'
        f'            "4. close": "{bar.close}",\n'
        f'            "5. volume": "{bar.volume}"\n'
        "        }"
        for bar in bars
    )
    inner = f"{{\n{entries}\n    }}" if entries else "{}"
    return Answer(f"{head},\n    {json.dumps(series)}: {inner}\n}}", "application/json")


def bars_csv(bars: Iterable[Bar], zone: ZoneInfo) -> Answer:
    """Returns `bars` in the order given as CSV."""
    return csv_answer(
        ("timestamp", "open", "high", "low", "close", "volume"),
        ((wall_time(bar.minute, zone), *bar[1:]) for bar in bars),
    )


def wall_time(minute: int, zone: ZoneInfo) -> str:
    """Returns where `minute` stands on a clock in `zone`, as `2026-05-15 19:55:00`."""
    local = minute + _offset(minute // 60, zone)
    return f"{_date(local // DAY)} {_CLOCK[local % DAY]}"


@lru_cache(maxsize=100_000)
def _offset(hour: int, zone: ZoneInfo) -> int:
    # Whole hours: no zone served here changes its clock within one.
    offset = moment_of(hour * 60).astimezone(zone).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


@lru_cache(maxsize=20_000)
def _date(number: int) -> str:
    return date_of(number).isoformat()
