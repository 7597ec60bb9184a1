"""One session day of one vendor, asked for (again) and published where it differs from what is stored."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

import psycopg

from marketpulse.bars import BACKFILL_TOPIC, Bar
from marketpulse.calendars import session_span
from marketpulse.config import (
    IMPORT_ONLY,
    INSTRUMENTS_FILE,
    SOURCES_FILE,
    ConfigError,
    Instrument,
    SourceSettings,
    load_instruments,
    load_sources,
)
from marketpulse.outcome import Outcome
from marketpulse.publishing import BarPublisher
from marketpulse.redaction import hide_from_airflow
from marketpulse.sources.budget import Purpose
from marketpulse.sources.errors import OutOfReach, VendorError
from marketpulse.sources.protocol import BarSource, FetchedBars, open_source
from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 60
LOCK_SECONDS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """The minutes of one session of one instrument.

    Attributes:
        instrument: What to ask for.
        start: First minute of the exchange's day; aware, UTC.
        end: First minute of the next day; aware, UTC.
    """

    instrument: Instrument
    start: datetime
    end: datetime


@dataclass(slots=True)
class BackfillResult(Outcome):
    """What one session day brought; a dry run publishes nothing.

    Attributes:
        asked: Symbols that had a session.
        bars: How many bars the vendor has of them.
        differing: How many of these are new or have other values than what is stored.
    """

    asked: list[str] = field(default_factory=list)
    bars: int = 0
    differing: int = 0


def backfill_session(
    name: str, symbols: Sequence[str], day: date, run_id: str, *, dry_run: bool, only_polled: bool = False
) -> BackfillResult:
    """Ask a source for a session day, extended hours included, and publish what is new or changed.

    Args:
        name: A source of `config/sources.yml`.
        symbols: Instruments; empty for those that the source is polled for.
        day: The session, as the exchange names it.
        run_id: The Airflow run, for the messages.
        dry_run: Publish nothing.
        only_polled: Leave out symbols that were not polled on that day.

    Raises:
        ConfigError: There is no such source or instrument, or the source cannot be asked.
        NotAcknowledged: Kafka did not take every message; asking again is safe.
    """
    instruments = load_instruments()
    settings = _askable(load_sources(instruments), name)
    unknown = [symbol for symbol in symbols if symbol not in instruments]
    if unknown:
        raise ConfigError(INSTRUMENTS_FILE, "instruments", f"no symbol {', '.join(unknown)}", "add it, or name others")
    hide_from_airflow(settings.api_key)
    wanted = list(dict.fromkeys(symbols or settings.symbols))
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        if only_polled:
            wanted = [symbol for symbol in wanted if _was_polled(connection, name, symbol, day)]
        spans = [span for symbol in wanted if (span := _span(instruments[symbol], day))]
        result = BackfillResult(asked=[span.instrument.symbol for span in spans])
        fetched = asyncio.run(_fetch(name, open_source(settings, BarSource, Purpose.HISTORY), spans, result))
        publisher = None if dry_run else BarPublisher(BACKFILL_TOPIC, run_id)
        for span, answer in fetched:
            differing = _differing(connection, name, span, answer.bars)
            result.bars += len(answer.bars)
            result.differing += len(differing)
            log.info("%s: %d bars, %d new or changed", span.instrument.symbol, len(answer.bars), len(differing))
            if publisher:
                publisher.send(differing, answer.fetched_at)
    if publisher:
        result.published = publisher.finish().messages
    return result


def _askable(sources: dict[str, SourceSettings], name: str) -> SourceSettings:
    settings = sources.get(name)
    if settings is None:
        raise ConfigError(SOURCES_FILE, "sources", f"no source named {name}", "add it there, or name another")
    if settings.adapter == IMPORT_ONLY or settings.base_url is None:
        raise ConfigError(
            SOURCES_FILE, f"sources.{name}", "has no vendor that could be asked", "give it an adapter and a base_url"
        )
    return settings


def _span(instrument: Instrument, day: date) -> Span | None:
    span = session_span(instrument.calendar, day)
    return Span(instrument, *span) if span else None


def _was_polled(connection: psycopg.Connection, name: str, symbol: str, day: date) -> bool:
    key = {"symbol": symbol, "source": name, "day": day}
    return connection.execute(sql("market/bars_1m/was_polled.sql"), key).fetchone() == (True,)


async def _fetch(
    name: str, source: BarSource, spans: Sequence[Span], result: BackfillResult
) -> list[tuple[Span, FetchedBars]]:
    """Ask for all instruments concurrently; one failing does not lose the others."""

    async def ask(span: Span) -> tuple[Span, FetchedBars] | None:
        symbol = span.instrument.symbol
        try:
            answer = await source.fetch_history(span.instrument, span.start, span.end)
            if answer.complete_from is None or answer.complete_from > span.start:
                reach = answer.complete_from or "now"
                result.add_failure(symbol, OutOfReach(name, symbol, f"the vendor answers for no minute before {reach}"))
            return span, answer
        except VendorError as error:
            result.add_failure(symbol, error)
            return None

    try:
        return [each for each in await asyncio.gather(*map(ask, spans)) if each]
    finally:
        await source.close()


def _differing(connection: psycopg.Connection, name: str, span: Span, bars: Sequence[Bar]) -> list[Bar]:
    key = {"symbol": span.instrument.symbol, "source": name, "start": span.start, "end": span.end}
    rows = connection.execute(sql("market/bars_1m/read_day.sql"), key)
    stored = {ts: tuple(values) for ts, *values in rows}
    return [bar for bar in bars if stored.get(bar.ts) != tuple(map(Decimal, bar.values))]
