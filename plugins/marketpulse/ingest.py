"""One poll of one vendor: what is due, what is new, publish it, remember it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from marketpulse import metrics
from marketpulse.bars import LIVE_TOPIC, Bar
from marketpulse.config import Instrument, SourceSettings, load_instruments, load_sources
from marketpulse.errors import MarketPulseError
from marketpulse.outcome import Outcome
from marketpulse.publishing import BarPublisher, Published
from marketpulse.redaction import hide_from_airflow
from marketpulse.sessions import is_due
from marketpulse.sources.errors import Deferred, VendorError
from marketpulse.sources.protocol import BarSource, FetchedBars, open_source
from marketpulse.warehouse import connect, sql
from marketpulse.watermarks import Watermark, advance, read_watermarks, select_new, write_watermarks

STATEMENT_SECONDS = 20
LOCK_SECONDS = 15
# A first fetch is 30 days: a few at a time, and none begun so late that the task might not end in its minute. What is
# left is fetched by the next run.
FIRST_FETCHES_AT_ONCE = 2
BEGIN_FIRST_FETCH_WITHIN_SECONDS = 15
BAR_SECONDS = 60

log = logging.getLogger(__name__)


class AnotherPollRunning(MarketPulseError):
    """A poll of the same source holds its lock."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"another poll of {source} has been running for {LOCK_SECONDS} s or more. Next: nothing once, the next "
            "minute's run asks again; if it repeats, look for a vendor that answers slowly in the log of that run."
        )


@dataclass(slots=True)
class PollResult(Outcome):
    """What one poll did.

    Attributes:
        asked: Symbols that were due.
        deferred: Those of them that are left to a later run: a first fetch, or the vendor's day has no room yet.
    """

    asked: list[str] = field(default_factory=list)
    deferred: list[str] = field(default_factory=list)


def poll_source(name: str, run_id: str) -> PollResult:
    """Poll a source of `config/sources.yml` once.

    Args:
        name: The source.
        run_id: The Airflow run, for the messages.

    Raises:
        AnotherPollRunning: A poll of the source still runs.
        NotAcknowledged: Kafka did not take every message; nothing is recorded.
    """
    instruments = load_instruments()
    settings = load_sources(instruments)[name]
    hide_from_airflow(settings.api_key)
    with (
        connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection,
        _only_poll_of(connection, name),
    ):
        known = read_watermarks(connection, name)
        markets = _open_since(connection, settings, instruments)
        _tell_markets(name, markets)
        due = _due(settings, instruments, known, datetime.now(UTC))
        result = PollResult(asked=[instrument.symbol for instrument in due])
        if due:
            poll = _Poll(settings, BarPublisher(LIVE_TOPIC, run_id), known, result)
            asyncio.run(poll.fetch(open_source(settings, BarSource), due))
            poll.publish(connection)
    if result.deferred:
        # A vendor that may not be asked every minute owes no bar every minute.
        _tell_markets(name, dict.fromkeys(markets))
    return result


def _due(
    settings: SourceSettings, instruments: Mapping[str, Instrument], known: Mapping[str, Watermark], now: datetime
) -> list[Instrument]:
    """What to ask for, first what waited longest: a rate too small for all symbols starves none of them."""
    due = [
        instruments[symbol]
        for symbol in settings.symbols
        if is_due(instruments[symbol], known.get(symbol), now, poll=settings.poll)
    ]
    latest = datetime.max.replace(tzinfo=UTC)
    asked = {symbol: mark.asked_at or latest for symbol, mark in known.items()}
    return sorted(due, key=lambda instrument: asked.get(instrument.symbol, latest))


def _open_since(
    connection: psycopg.Connection, settings: SourceSettings, instruments: Mapping[str, Instrument]
) -> dict[str, datetime | None]:
    """Since when the market of each calendar of a source is open; None: it is closed.

    Nothing of a source that is polled whatever the hour: its clock may be another one, as in a replay.
    """
    if settings.poll == "always":
        return {}
    calendars = {instruments[symbol].calendar for symbol in settings.symbols}
    return dict(connection.execute(sql("market/sessions/open_since.sql"), {"calendars": sorted(calendars)}).fetchall())


def _tell_markets(source: str, markets: Mapping[str, datetime | None]) -> None:
    """Send since when bars are owed; 0: none are."""
    for calendar, opened_at in markets.items():
        timestamp = opened_at.timestamp() if opened_at else 0.0
        metrics.gauge("market_opened_timestamp_seconds", timestamp, source=source, calendar=calendar)


class _Poll:
    """The state of one poll: bars go to the producer as they arrive, watermarks once all are acknowledged."""

    def __init__(
        self, settings: SourceSettings, publisher: BarPublisher, known: Mapping[str, Watermark], result: PollResult
    ) -> None:
        self._settings = settings
        self._publisher = publisher
        self._known = known
        self._result = result
        self._advanced: dict[str, Watermark] = {}
        self._unchanged: dict[str, datetime] = {}
        self._corrected = 0
        self._first_fetches = asyncio.Semaphore(FIRST_FETCHES_AT_ONCE)
        self._begin_first_fetch_until = time.monotonic() + BEGIN_FIRST_FETCH_WITHIN_SECONDS

    async def fetch(self, source: BarSource, due: Sequence[Instrument]) -> None:
        """Ask for all due instruments concurrently; one failing does not lose the others."""
        try:
            # gather and not a TaskGroup: an error keeps its own name.
            await asyncio.gather(*(self._fetch_one(source, instrument) for instrument in due))
        finally:
            await source.close()

    def publish(self, connection: psycopg.Connection) -> Published:
        """Wait for Kafka, then record what it has."""
        published = self._publisher.finish()
        write_watermarks(connection, self._settings.name, self._advanced, self._unchanged)
        self._result.published = published.messages
        self._send_metrics()
        return published

    async def _fetch_one(self, source: BarSource, instrument: Instrument) -> None:
        symbol = instrument.symbol
        known = self._known.get(symbol)
        try:
            if known:
                self._take(symbol, known, await source.fetch_bars(instrument, known.newest))
                return
            async with self._first_fetches:
                if time.monotonic() > self._begin_first_fetch_until:
                    log.info("%s: its first fetch is left to the next run", symbol)
                    self._result.deferred.append(symbol)
                    return
                self._take(symbol, None, await source.fetch_bars(instrument, None))
        except Deferred as error:
            log.info("%s: %s", symbol, error.detail)
            self._result.deferred.append(symbol)
        except VendorError as error:
            self._result.add_failure(symbol, error)

    def _take(self, symbol: str, known: Watermark | None, fetched: FetchedBars) -> None:
        if fetched.has_gap and known:
            log.warning(
                "%s: the answer reaches back to %s, the newest published bar is of %s: bars between may be missing",
                symbol,
                fetched.bars[0].ts,
                known.newest,
            )
        new: list[Bar] = select_new(fetched.bars, known)
        if not new:
            self._unchanged[symbol] = fetched.fetched_at
            return
        self._corrected += sum(1 for bar in new if known and bar.ts <= known.newest)
        self._publisher.send(new, fetched.fetched_at)
        self._advanced[symbol] = advance(known, new, self._settings.overlap_bars, fetched.fetched_at)
        log.info("%s: %d of %d bars are new or changed, newest %s", symbol, len(new), len(fetched.bars), new[-1].ts)

    def _send_metrics(self) -> None:
        source = self._settings.name
        metrics.count("bars_published", self._result.published, source=source)
        metrics.count("bars_corrected", self._corrected, source=source)
        marks = [*self._known.values(), *self._advanced.values()]
        if marks:
            newest = max(mark.newest for mark in marks)
            age = (datetime.now(UTC) - newest).total_seconds() - BAR_SECONDS
            metrics.gauge("published_age_seconds", max(age, 0.0), source=source)


@contextmanager
def _only_poll_of(connection: psycopg.Connection, source: str) -> Iterator[None]:
    """Hold the source's lock; PostgreSQL frees it with the connection, should this process die."""
    try:
        connection.execute(sql("ops/source_watermarks/lock.sql"), {"source": source})
    except psycopg.errors.LockNotAvailable:
        raise AnotherPollRunning(source) from None
    yield
