"""The last trade, by a vendor of quotes, beside the newest bars of the others."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import ClassVar

from marketpulse import metrics
from marketpulse.config import Instrument, SourceSettings, load_instruments, load_reconciliation, load_sources
from marketpulse.outcome import Outcome
from marketpulse.redaction import hide_from_airflow
from marketpulse.sessions import polling_hours
from marketpulse.sources.budget import Purpose
from marketpulse.sources.errors import VendorError
from marketpulse.sources.protocol import FetchedQuote, QuoteSource, open_source
from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 20
LOCK_SECONDS = 5
# So long after a trade its bar is not late: the poll, the load and the bar's own minute have had their time.
LATE = timedelta(minutes=5)
# What a plan with delayed data adds to that.
DELAYED = timedelta(minutes=15)
STATES = ("agrees", "price_differs", "bars_late", "not_traded")

log = logging.getLogger(__name__)


@dataclass(slots=True)
class QuotesResult(Outcome):
    """What comparing one source's quotes did.

    Attributes:
        asked: Symbols whose session is open.
        states: How many comparisons with a source of bars came to which state of `ops.quote_checks`.
    """

    wanted: ClassVar[str] = "quotes"

    asked: list[str] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)


def check_quotes(name: str, now: datetime) -> QuotesResult:
    """Ask a source of `config/sources.yml` for the last trades, and compare them with the bars of the other sources.

    Args:
        name: The source.
        now: Aware, UTC.
    """
    instruments = load_instruments()
    sources = load_sources(instruments)
    settings = sources[name]
    hide_from_airflow(settings.api_key)
    opens = _open_sessions(settings, instruments, now)
    result = QuotesResult(asked=list(opens))
    source = open_source(settings, QuoteSource, Purpose.GAPS)
    quotes = asyncio.run(_fetch(source, [instruments[symbol] for symbol in opens], result))
    tolerance_ticks = load_reconciliation().tolerance_ticks
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        for symbol, quote in quotes.items():
            polled = _polled_for(symbol, sources, name)
            compared = connection.execute(
                sql("ops/quote_checks/compare.sql"),
                {
                    "symbol": symbol,
                    "quote_source": name,
                    "bar_sources": [source.name for source in polled],
                    "late": [LATE + DELAYED if source.entitlement == "delayed" else LATE for source in polled],
                    "price": quote.price,
                    "traded_at": quote.traded_at,
                    "opens": opens[symbol],
                    "checked_at": now,
                    "tolerance": tolerance_ticks * instruments[symbol].tick,
                },
            ).fetchall()
            for bar_source, state in compared:
                log.info("%s at %s, %s: %s: %s", symbol, quote.price, quote.traded_at, bar_source, state)
                result.states[state] += 1
    for state in STATES:
        metrics.gauge("quote_checks", result.states[state], source=name, state=state)
    return result


def _open_sessions(
    settings: SourceSettings, instruments: Mapping[str, Instrument], now: datetime
) -> dict[str, datetime | None]:
    """Symbols whose session is open, to when it began; None for one that is always open."""
    hours = {symbol: polling_hours(instruments[symbol], now, now, poll=settings.poll) for symbol in settings.symbols}
    return {symbol: sessions[0][0] for symbol, sessions in hours.items() if sessions}


def _polled_for(symbol: str, sources: Mapping[str, SourceSettings], quote_source: str) -> list[SourceSettings]:
    return [
        source
        for source in sources.values()
        if source.is_asked_for("bars") and symbol in source.symbols and source.name != quote_source
    ]


async def _fetch(
    source: QuoteSource, instruments: Sequence[Instrument], result: QuotesResult
) -> dict[str, FetchedQuote]:
    """Ask for one instrument after the other; one failing does not lose the others."""
    quotes = {}
    try:
        for instrument in instruments:
            try:
                quotes[instrument.symbol] = await source.fetch_quote(instrument)
            except VendorError as error:
                result.add_failure(instrument.symbol, error)
    finally:
        await source.close()
    return quotes
