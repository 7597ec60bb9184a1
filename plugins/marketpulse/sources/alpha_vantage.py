"""Alpha Vantage: `TIME_SERIES_INTRADAY` and `CRYPTO_INTRADAY` as JSON.

The vendor answers errors with HTTP 200 and one key (`Information`, `Note` or `Error Message`); its texts decide which
error it is. Times are those of the zone that the answer names. A time that a clock change makes ambiguous is read as
the first of the two, still in summer time: the vendor's hours (04:00 to 20:00 New York) never meet that hour.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marketpulse.bars import INTERVAL, Bar
from marketpulse.config import Instrument, SourceSettings
from marketpulse.local_times import to_utc
from marketpulse.redaction import Redactor
from marketpulse.sources.budget import Purpose
from marketpulse.sources.errors import (
    BadApiKey,
    DailyBudgetExhausted,
    MalformedAnswer,
    PremiumOnly,
    RateLimited,
    SampleData,
    UnknownSymbol,
    VendorError,
    VendorRefused,
)
from marketpulse.sources.http import Answer, VendorClient
from marketpulse.sources.protocol import FetchedBars

PATH = "/query"
COMPACT_BARS = 100
# Months of an equity are those of its exchange: the vendor serves US exchanges.
EXCHANGE_ZONE = ZoneInfo("America/New_York")
BAR_LENGTH = timedelta(minutes=1)
_FIELDS = ("1. open", "2. high", "3. low", "4. close", "5. volume")

# The vendor's words, most telling first: its burst text also names the daily limit and the premium plans.
_TEXTS: tuple[tuple[re.Pattern[str], type[VendorError]], ...] = (
    (
        re.compile(r"per (second|minute)|spreading out|burst|more sparingly|higher API call (volume|frequency)", re.I),
        RateLimited,
    ),
    (re.compile(r"per day|daily", re.I), DailyBudgetExhausted),
    (re.compile(r"demo\W+ API key|api ?key is invalid|invalid or missing|claim your free API key", re.I), BadApiKey),
    (re.compile(r"premium|entitle", re.I), PremiumOnly),
    (re.compile(r"Invalid API call", re.I), UnknownSymbol),
)


def open_source(settings: SourceSettings, purpose: Purpose) -> AlphaVantage:
    """The adapter, ready to fetch."""
    return AlphaVantage(settings, purpose)


class AlphaVantage:
    """A `Source` of minute bars of US equities (extended hours, unadjusted) and of crypto pairs.

    Args:
        settings: Key, address and limits.
        purpose: What the requests are for.
    """

    def __init__(self, settings: SourceSettings, purpose: Purpose) -> None:
        self._settings = settings
        self._client = VendorClient(settings, purpose)

    async def fetch_bars(self, instrument: Instrument, watermark: datetime | None) -> FetchedBars:
        """See `Source.fetch_bars`."""
        now = datetime.now(UTC)
        size = choose_output_size(instrument, watermark, now, self._settings.minutes_between_polls)
        fetched = await self._ask(instrument, outputsize=size)
        if size == "compact" and watermark and not _reaches(fetched, watermark):
            fetched = await self._ask(instrument, outputsize="full")
        has_gap = bool(watermark and fetched.bars and not _reaches(fetched, watermark))
        return FetchedBars(fetched.bars, fetched.fetched_at, has_gap)

    async def fetch_history(self, instrument: Instrument, start: datetime, end: datetime) -> FetchedBars:
        """See `Source.fetch_history`: of equities any month, of crypto the last 30 days."""
        if instrument.kind == "crypto":
            fetched = await self._ask(instrument, outputsize="full")
            complete_from = max(start, fetched.bars[0].ts) if fetched.bars else None
            return FetchedBars(_within(fetched.bars, start, end), fetched.fetched_at, complete_from=complete_from)
        answers = [await self._ask(instrument, outputsize="full", month=month) for month in months_between(start, end)]
        bars = _within([bar for answer in answers for bar in answer.bars], start, end)
        return FetchedBars(bars, answers[-1].fetched_at, complete_from=start)

    async def close(self) -> None:
        """See `Source.close`."""
        await self._client.close()

    async def _ask(self, instrument: Instrument, **what: str) -> FetchedBars:
        source, symbol, redact = self._settings.name, instrument.symbol, self._client.redact

        def read(answer: Answer) -> FetchedBars:
            bars = parse_bars(answer.body, source, instrument, redact)
            return FetchedBars(keep_finished(bars, answer.composed_at), answer.received_at)

        return await self._client.ask(symbol, PATH, {**self._query(instrument), **what}, read)

    def _query(self, instrument: Instrument) -> dict[str, str]:
        key = self._settings.api_key
        common = {
            "interval": INTERVAL,
            "datatype": "json",
            "apikey": key.get_secret_value() if key else "",
        }
        if instrument.kind == "crypto":
            coin = instrument.symbol.removesuffix(instrument.currency)
            return {"function": "CRYPTO_INTRADAY", "symbol": coin, "market": instrument.currency, **common}
        query = {
            "function": "TIME_SERIES_INTRADAY",
            "symbol": instrument.symbol,
            "adjusted": "false",
            "extended_hours": "true",
            **common,
        }
        if self._settings.entitlement:
            query["entitlement"] = self._settings.entitlement
        return query


def choose_output_size(
    instrument: Instrument, watermark: datetime | None, now: datetime, minutes_between_polls: float = 1
) -> str:
    """`compact` (100 bars) where it can reach the watermark, else `full` (30 days).

    A market that never closes has a bar for nearly every minute, so the clock tells. One that closes may have had no
    bar since a watermark of yesterday: its compact answer tells, and a full one follows only where it falls short.
    Where polls are so far apart that a compact answer misses bars between them, nothing is asked twice.
    """
    if watermark is None:
        return "full"
    reach_by_clock = now - watermark <= COMPACT_BARS * BAR_LENGTH
    may_reach = instrument.calendar != "24/7" and minutes_between_polls <= COMPACT_BARS
    return "compact" if reach_by_clock or may_reach else "full"


def months_between(start: datetime, end: datetime) -> list[str]:
    """The exchange's months that [start, end) touches, such as `2026-05`.

    Args:
        start: Aware.
        end: Aware, later than `start`.
    """
    first, last = start.astimezone(EXCHANGE_ZONE), (end - BAR_LENGTH).astimezone(EXCHANGE_ZONE)
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{number // 12:04}-{number % 12 + 1:02}" for number in numbers]


def parse_bars(body: bytes, source: str, instrument: Instrument, redact: Redactor) -> list[Bar]:
    """The bars of an answer, decimals as printed, oldest first.

    Args:
        body: The document.
        source: The vendor's name in our settings.
        instrument: What was asked for.
        redact: Keeps the key out of errors: the vendor's budget text repeats it.

    Raises:
        VendorError: The document is an error text, sample rows, or not what the vendor documents.
    """
    symbol = instrument.symbol

    def malformed(detail: str) -> MalformedAnswer:
        return MalformedAnswer(source, symbol, redact(detail))

    try:
        document = json.loads(body, parse_float=str, parse_int=str, parse_constant=str)
    except ValueError:
        start = body[:60].decode("utf-8", "replace")
        raise malformed(f"{len(body)} bytes that are not JSON, starting {start!r}") from None
    if not isinstance(document, dict):
        raise malformed("a JSON document that is not an object")
    _refuse_errors(document, source, symbol, redact)

    meta = document.get("Meta Data")
    series = next((value for key, value in document.items() if key.startswith("Time Series")), None)
    if not isinstance(meta, dict) or not isinstance(series, dict):
        raise malformed(f"no Meta Data or Time Series, only the keys {sorted(document)[:5]}")
    zone = _check_meta(meta, instrument, malformed)
    return [_bar(source, symbol, zone, text, series[text], malformed) for text in sorted(series)]


def keep_finished(bars: list[Bar], composed_at: datetime) -> list[Bar]:
    """Drop bars whose minute was not over when the vendor composed its answer; the next poll brings them."""
    newest = composed_at - BAR_LENGTH
    return [bar for bar in bars if bar.ts <= newest]


def _refuse_errors(document: Mapping[str, Any], source: str, symbol: str, redact: Redactor) -> None:
    texts = [str(document[key]) for key in ("Error Message", "Note", "Information") if key in document]
    sample = document.get("message")
    if sample is not None:
        raise SampleData(source, symbol, _quoted(str(sample), redact))
    if texts:
        text = " ".join(texts)
        kind = next((error for pattern, error in _TEXTS if pattern.search(text)), VendorRefused)
        raise kind(source, symbol, _quoted(text, redact))


def _quoted(text: str, redact: Redactor) -> str:
    return f'the vendor says "{redact(text)[:300]}"'


def _check_meta(meta: Mapping[str, Any], instrument: Instrument, malformed: Any) -> ZoneInfo:
    values = {key.partition(". ")[2]: str(value) for key, value in meta.items()}
    answered = values.get("Symbol") or values.get("Digital Currency Code", "") + values.get("Market Code", "")
    if answered.upper() != instrument.symbol or values.get("Interval") != INTERVAL:
        raise malformed(f"an answer for {answered} at {values.get('Interval')}")
    try:
        return ZoneInfo(values.get("Time Zone", ""))
    except (ZoneInfoNotFoundError, ValueError):
        raise malformed(f"unknown time zone {values.get('Time Zone')!r}") from None


def _bar(source: str, symbol: str, zone: ZoneInfo, text: str, row: Any, malformed: Any) -> Bar:
    try:
        open_, high, low, close, volume = (row[field] for field in _FIELDS)
        if not all(isinstance(value, str) for value in (open_, high, low, close, volume)):
            raise TypeError("a value that is no number")
        return Bar(source, symbol, INTERVAL, _utc_minute(text, zone), open_, high, low, close, volume)
    except (KeyError, TypeError, ValueError) as error:
        raise malformed(f"row {text!r}: {type(error).__name__} {error}") from None


def _utc_minute(text: str, zone: ZoneInfo) -> datetime:
    local = datetime.fromisoformat(text)
    if local.tzinfo or local.second or local.microsecond:
        raise ValueError("is not a whole minute in the answer's zone")
    return to_utc(local, zone, first_of_two=True)


def _within(bars: list[Bar], start: datetime, end: datetime) -> list[Bar]:
    return [bar for bar in bars if start <= bar.ts < end]


def _reaches(fetched: FetchedBars, watermark: datetime) -> bool:
    return bool(fetched.bars) and fetched.bars[0].ts <= watermark
