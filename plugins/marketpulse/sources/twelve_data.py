"""Twelve Data: `/time_series` of equities, regular hours, unadjusted.

Facts of the vendor: times are those of the zone asked for, both ends belong to a window, an answer has at most 5,000
rows (of a longer window the newest), and the minute that is not over yet is among them. Errors are
`{"code", "message", "status": "error"}`, with that HTTP status or with 200. A window without a bar is an error too.
Its crypto bars have no volume, so they are not asked for. A symbol costs one credit a request; the free plan has 8
a minute and 800 a day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marketpulse.bars import INTERVAL, Bar
from marketpulse.config import Instrument, SourceSettings
from marketpulse.redaction import Redactor
from marketpulse.sources.answers import BAR_LENGTH, parse_json, quoted
from marketpulse.sources.budget import Budget
from marketpulse.sources.errors import (
    BadApiKey,
    DailyBudgetExhausted,
    MalformedAnswer,
    PremiumOnly,
    RateLimited,
    UnknownSymbol,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from marketpulse.sources.http import Answer, VendorClient
from marketpulse.sources.windowed import WindowedSource

MOST_ROWS = 5000
# Five sessions: far fewer minutes than an answer may have rows.
WINDOW = timedelta(days=7)
_FIELDS = ("open", "high", "low", "close", "volume")
_NO_BARS = "No data is available on the specified dates"

# Code and words to what is wrong, most telling first.
_REFUSALS: tuple[tuple[str, re.Pattern[str], type[VendorError]], ...] = (
    ("401", re.compile(""), BadApiKey),
    ("403", re.compile(""), PremiumOnly),
    ("404", re.compile(r"available (starting|exclusively) with|upgrad", re.I), PremiumOnly),
    ("404", re.compile(r"\bsymbol\b", re.I), UnknownSymbol),
    ("429", re.compile(r"for the day|daily", re.I), DailyBudgetExhausted),
    ("429", re.compile(""), RateLimited),
    ("500", re.compile(""), VendorUnavailable),
)


def open_source(settings: SourceSettings, budget: Budget) -> TwelveData:
    """The adapter, ready to fetch."""
    return TwelveData(settings, budget)


class TwelveData(WindowedSource):
    """A `BarSource` of minute bars of equities; a poll is one request.

    Args:
        settings: Key, address and overlap.
        budget: Grants the requests.
    """

    def __init__(self, settings: SourceSettings, budget: Budget) -> None:
        key = settings.api_key
        # In a header: addresses end up in logs.
        headers = {"Authorization": f"apikey {key.get_secret_value()}"} if key else {}
        client = VendorClient(settings, budget, headers, words_refusals=True)
        # Less than a window, so that no poll needs a second request.
        super().__init__(settings, client, window=WINDOW, reach=WINDOW - BAR_LENGTH)

    def question(self, instrument: Instrument, first: datetime, after: datetime) -> tuple[str, Mapping[str, str]]:
        """See `WindowedSource.question`."""
        if instrument.kind != "equity":
            raise UnknownSymbol(self.settings.name, instrument.symbol, "this adapter serves equities only")
        return "/time_series", {
            "symbol": instrument.symbol,
            "interval": INTERVAL,
            "timezone": "UTC",
            "start_date": _wall_time(first),
            "end_date": _wall_time(after),
            "outputsize": str(MOST_ROWS),
            "order": "ASC",
            "adjust": "none",
        }

    def parse(self, answer: Answer, instrument: Instrument) -> list[Bar]:
        """See `WindowedSource.parse`."""
        return parse_time_series(answer, self.settings.name, instrument, self.client.redact)


def parse_time_series(answer: Answer, source: str, instrument: Instrument, redact: Redactor) -> list[Bar]:
    """The bars of an answer to a question in UTC, decimals as printed, oldest first, each minute once.

    Args:
        answer: Rows, or why there are none; none in the window is no error.
        source: The vendor's name in our settings.
        instrument: What was asked for.
        redact: Keeps the key out of errors.

    Raises:
        VendorError: The document is a refusal, or not what the vendor documents.
    """

    def malformed(detail: str) -> VendorError:
        return answer.refusal or MalformedAnswer(source, instrument.symbol, redact(detail))

    try:
        document = parse_json(answer.body)
    except ValueError as error:
        raise malformed(str(error)) from None
    if not isinstance(document, dict):
        raise malformed("a JSON document that is not an object")
    if document.get("status") == "error":
        if _says_no_bars(document):
            return []
        raise _refusal(document, answer.refusal)(
            source,
            instrument.symbol,
            quoted(str(document.get("message")), redact),
            answer.refusal.wait_seconds if answer.refusal else None,
        )
    meta, rows = document.get("meta"), document.get("values")
    if answer.refusal or not isinstance(meta, dict) or not isinstance(rows, list):
        raise malformed(f"no meta or values, only the keys {sorted(document)[:5]}")
    asked = (instrument.symbol, INTERVAL, instrument.currency)
    answered = tuple(meta.get(key) for key in ("symbol", "interval", "currency"))
    if answered != asked:
        raise malformed(f"an answer for {answered} instead of {asked}")
    if len(rows) >= MOST_ROWS:
        raise malformed(f"{len(rows)} rows, as many as an answer may have: some may have been cut off")
    try:
        bars = {bar.ts: bar for bar in (_bar(source, instrument.symbol, row) for row in rows)}
    except (KeyError, TypeError, ValueError) as error:
        raise malformed(f"{type(error).__name__} {error}") from None
    return [bars[ts] for ts in sorted(bars)]


def _says_no_bars(document: Mapping[str, Any]) -> bool:
    return document.get("code") == "400" and str(document.get("message")).startswith(_NO_BARS)


def _refusal(document: Mapping[str, Any], status: VendorError | None) -> type[VendorError]:
    code, words = document.get("code"), str(document.get("message"))
    found = (error for its_code, pattern, error in _REFUSALS if its_code == code and pattern.search(words))
    return next(found, type(status) if status else VendorRefused)


def _bar(source: str, symbol: str, row: Any) -> Bar:
    open_, high, low, close, volume = (row[field] for field in _FIELDS)
    if not all(isinstance(value, str) for value in (open_, high, low, close, volume)):
        raise TypeError(f"row {row!r} has a value that is no number")
    ts = datetime.fromisoformat(row["datetime"])
    if ts.tzinfo or ts.second or ts.microsecond:
        raise ValueError(f"row {row!r} does not begin with a whole minute in UTC")
    return Bar(source, symbol, INTERVAL, ts.replace(tzinfo=UTC), open_, high, low, close, volume)


def _wall_time(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
