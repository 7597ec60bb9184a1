"""Holes in what should be there: following them from `ops.coverage`, and asking vendors for what is missing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg

from marketpulse import metrics
from marketpulse.bars import BACKFILL_TOPIC, Bar
from marketpulse.config import Instrument, SourceSettings, load_instruments, load_sources
from marketpulse.outcome import Outcome
from marketpulse.publishing import BarPublisher
from marketpulse.redaction import hide_from_airflow
from marketpulse.sources.budget import Purpose
from marketpulse.sources.errors import Deferred, VendorError
from marketpulse.sources.protocol import BarSource, open_source
from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 60
LOCK_SECONDS = 10
# No request begins later, so that the task ends in time; what is left is asked for by the next run.
BEGIN_WITHIN_SECONDS = 540
MINUTE = timedelta(minutes=1)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Gap:
    """Missing minutes of one session.

    Attributes:
        gap_id: Key of `ops.gaps`.
        symbol: The instrument.
        missing: Starts of the minutes; aware, UTC; ascending.
    """

    gap_id: int
    symbol: str
    missing: tuple[datetime, ...]


@dataclass(frozen=True, slots=True)
class GapAnswer:
    """What a vendor's answer means for one gap.

    Attributes:
        gap: The gap.
        bars: Those of its bars that the vendor has.
        fetched_at: As in `FetchedBars`.
        complete_from: As in `FetchedBars`.
    """

    gap: Gap
    bars: list[Bar]
    fetched_at: datetime
    complete_from: datetime | None


@dataclass(slots=True)
class RequestResult(Outcome):
    """What asking one source did.

    Attributes:
        answers: Of every gap that was asked for.
    """

    answers: list[GapAnswer] = field(default_factory=list)


def follow_coverage(connection: psycopg.Connection, sources: Mapping[str, SourceSettings]) -> tuple[int, int]:
    """Open, shrink and close gaps as `ops.coverage` has them; returns how many were opened and closed."""
    asked = [source.name for source in sources.values() if source.is_asked_for("bars")]
    opened, closed = connection.execute(sql("ops/gaps/follow_coverage.sql"), {"asked": asked}).fetchall()[0]
    return opened, closed


def request_missing(name: str, run_id: str, now: datetime) -> RequestResult:
    """Ask a source for what its gaps miss, publish what it has, and remember what it has not.

    Args:
        name: A source of `config/sources.yml`.
        run_id: The Airflow run, for the messages.
        now: Aware, UTC.

    Raises:
        NotAcknowledged: Kafka did not take every message; nothing is recorded.
    """
    instruments = load_instruments()
    settings = load_sources(instruments)[name]
    hide_from_airflow(settings.api_key)
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        gaps = _due(connection, name, now)
    result = RequestResult()
    if not gaps:
        return result
    asyncio.run(_ask(open_source(settings, BarSource, Purpose.GAPS), instruments, gaps, result))
    if result.answers:
        publisher = BarPublisher(BACKFILL_TOPIC, run_id)
        for answer in result.answers:
            publisher.send(answer.bars, answer.fetched_at)
        result.published = publisher.finish().messages
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        _record(connection, gaps, result, now)
    metrics.count("bars_requested", sum(len(answer.gap.missing) for answer in result.answers), source=name)
    return result


def spans(gaps: Sequence[Gap], longest: timedelta) -> Iterator[tuple[datetime, datetime, list[Gap]]]:
    """Which gaps to ask for together: first minute, the minute after the last, and the gaps, newest first.

    Args:
        gaps: Of one instrument.
        longest: What one request answers for.
    """
    together: list[Gap] = []
    for gap in sorted(gaps, key=lambda gap: gap.missing[-1], reverse=True):
        if together and together[0].missing[-1] + MINUTE - gap.missing[0] > longest:
            yield _span(together)
            together = []
        together.append(gap)
    if together:
        yield _span(together)


def _span(gaps: list[Gap]) -> tuple[datetime, datetime, list[Gap]]:
    return min(gap.missing[0] for gap in gaps), max(gap.missing[-1] for gap in gaps) + MINUTE, gaps


def _due(connection: psycopg.Connection, name: str, now: datetime) -> list[Gap]:
    rows = connection.execute(sql("ops/gaps/due.sql"), {"source": name, "now": now})
    return [
        Gap(gap_id, symbol, tuple(ts for part in missing_at for ts in _minutes(part.lower, part.upper)))
        for gap_id, symbol, missing_at in rows
    ]


def _minutes(start: datetime, end: datetime) -> list[datetime]:
    return [start + number * MINUTE for number in range(int((end - start) / MINUTE))]


async def _ask(
    source: BarSource, instruments: Mapping[str, Instrument], gaps: Sequence[Gap], result: RequestResult
) -> None:
    of_symbol: dict[str, list[Gap]] = defaultdict(list)
    for gap in gaps:
        if gap.symbol in instruments:
            of_symbol[gap.symbol].append(gap)
    begin_until = time.monotonic() + BEGIN_WITHIN_SECONDS
    try:
        await asyncio.gather(
            *(_ask_one(source, instruments[symbol], own, result, begin_until) for symbol, own in of_symbol.items())
        )
    finally:
        await source.close()


async def _ask_one(
    source: BarSource, instrument: Instrument, gaps: Sequence[Gap], result: RequestResult, begin_until: float
) -> None:
    """Ask for all gaps of one instrument; a refusal leaves the rest of them for the next run."""
    for start, end, together in spans(gaps, source.answers_at_once):
        if time.monotonic() > begin_until:
            log.info("%s: what is missing before %s is left to the next run", instrument.symbol, end)
            return
        try:
            fetched = await source.fetch_history(instrument, start, end)
        except Deferred as error:
            log.info("%s: what is missing before %s is left to a later run: %s", instrument.symbol, end, error.detail)
            return
        except VendorError as error:
            result.add_failure(instrument.symbol, error)
            return
        bars = {bar.ts: bar for bar in fetched.bars}
        for gap in together:
            brought = [bars[ts] for ts in gap.missing if ts in bars]
            result.answers.append(GapAnswer(gap, brought, fetched.fetched_at, fetched.complete_from))
            log.info("%s: %d of %d missing bars", instrument.symbol, len(brought), len(gap.missing))


def _record(connection: psycopg.Connection, gaps: Sequence[Gap], result: RequestResult, now: datetime) -> None:
    with connection.transaction(), connection.cursor() as cursor:
        for answer in result.answers:
            cursor.execute(
                sql("ops/gaps/answered.sql"),
                {
                    "gap_id": answer.gap.gap_id,
                    "brought": [bar.ts for bar in answer.bars],
                    "complete_from": answer.complete_from,
                    "now": now,
                },
            )
        answered = {answer.gap.gap_id for answer in result.answers}
        for symbol, detail in result.failures.items():
            left = [gap.gap_id for gap in gaps if gap.symbol == symbol and gap.gap_id not in answered]
            cursor.execute(sql("ops/gaps/not_answered.sql"), {"gap_ids": left, "detail": detail})
