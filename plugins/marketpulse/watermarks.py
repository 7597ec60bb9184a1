"""How far each instrument has been published, and which bars of an answer are new or changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import orjson
import psycopg
from psycopg.types.json import Jsonb

from marketpulse.bars import INTERVAL, Bar, bar_start
from marketpulse.warehouse import sql

Values = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Watermark:
    """What has been published of one instrument.

    Attributes:
        newest: Start of the newest bar that Kafka has acknowledged; aware, UTC.
        recent: Start (as in the contract) to values of the newest published bars: what a poll is compared with.
        asked_at: When the vendor was last asked; aware, UTC.
    """

    newest: datetime
    recent: Mapping[str, Values] = field(default_factory=dict)
    asked_at: datetime | None = None


def select_new(bars: Sequence[Bar], known: Watermark | None) -> list[Bar]:
    """The bars that are newer than the watermark, or that the overlap misses or has with other values.

    A bar older than the overlap is left out: whether it was published can no longer be told.
    """
    if known is None:
        return list(bars)
    newest = bar_start(known.newest)
    oldest = min(known.recent, default=None)
    selected = []
    for bar in bars:
        start = bar_start(bar.ts)
        if start > newest or (oldest and start >= oldest and known.recent.get(start) != bar.values):
            selected.append(bar)
    return selected


def advance(known: Watermark | None, published: Sequence[Bar], overlap_bars: int, asked_at: datetime) -> Watermark:
    """The watermark after these bars were published.

    Args:
        known: The watermark before.
        published: What Kafka has acknowledged; at least one bar unless `known` is given.
        overlap_bars: How many of the newest bars to remember.
        asked_at: When the vendor was asked.
    """
    recent = dict(known.recent) if known else {}
    # Only the newest can be remembered, and a first fetch has tens of thousands.
    for bar in sorted(published, key=lambda bar: bar.ts)[-overlap_bars:]:
        recent[bar_start(bar.ts)] = bar.values
    kept = dict(sorted(recent.items())[-overlap_bars:])
    candidates = [bar.ts for bar in published] + ([known.newest] if known else [])
    return Watermark(max(candidates), kept, asked_at)


def read_watermarks(connection: psycopg.Connection, source: str) -> dict[str, Watermark]:
    """Symbol to watermark of everything that the source has published."""
    rows = connection.execute(sql("ops/source_watermarks/read.sql"), {"source": source, "interval": INTERVAL})
    return {
        symbol: Watermark(newest, {start: tuple(values) for start, values in recent.items()}, asked_at)
        for symbol, newest, recent, asked_at in rows
    }


def write_watermarks(
    connection: psycopg.Connection, source: str, advanced: Mapping[str, Watermark], unchanged: Mapping[str, datetime]
) -> None:
    """Store what a run has published and asked, in one transaction.

    Args:
        connection: An autocommit connection.
        source: The vendor.
        advanced: Symbol to new watermark, of those with new bars.
        unchanged: Symbol to when it was asked, of those without.
    """
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            sql("ops/source_watermarks/upsert.sql"),
            [
                {
                    "source": source,
                    "symbol": symbol,
                    "interval": INTERVAL,
                    "watermark": mark.newest,
                    "recent_bars": Jsonb(mark.recent, dumps=orjson.dumps),
                    "asked_at": mark.asked_at,
                }
                for symbol, mark in sorted(advanced.items())
            ],
        )
        if unchanged:
            cursor.execute(
                sql("ops/source_watermarks/touch.sql"),
                {
                    "source": source,
                    "symbols": sorted(unchanged),
                    "interval": INTERVAL,
                    "asked_at": max(unchanged.values()),
                },
            )
