"""Alpha Vantage: `TIME_SERIES_INTRADAY`, `CRYPTO_INTRADAY`, `SPLITS`, `DIVIDENDS` and `NEWS_SENTIMENT`, as JSON.

The vendor answers errors with HTTP 200 and one key (`Information`, `Note` or `Error Message`); its texts decide which
error it is. Times are those of the zone that the answer names. A time that a clock change makes ambiguous is read as
the first of the two, still in summer time: the vendor's hours (04:00 to 20:00 New York) never meet that hour.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from marketpulse.actions import CorporateAction, midnight
from marketpulse.bars import INTERVAL, Bar
from marketpulse.config import Instrument, SourceSettings
from marketpulse.local_times import to_utc
from marketpulse.redaction import Redactor
from marketpulse.sources.alpha_vantage_news import Page, read_feed
from marketpulse.sources.answers import BAR_LENGTH, keep_finished, parse_json, quoted, within
from marketpulse.sources.budget import Budget
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
from marketpulse.sources.protocol import FetchedActions, FetchedBars, FetchedNews

PATH = "/query"
COMPACT_BARS = 100
# `limit` knows no third value beside this and 50.
MOST_ARTICLES = 1000
# What an error names where there is no symbol.
ALL_NEWS = "the whole feed"
# After an outage: what is left is asked for by the next run.
MOST_PAGES = 5
# Months of an equity are those of its exchange: the vendor serves US exchanges.
EXCHANGE_ZONE = ZoneInfo("America/New_York")
_ACTION_FIELDS = {"SPLITS": ("effective_date", "split_factor"), "DIVIDENDS": ("ex_dividend_date", "amount")}
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,8})?", re.ASCII)
_FIELDS = ("1. open", "2. high", "3. low", "4. close", "5. volume")


class _NoArticles(VendorError):
    """The feed is empty, which the vendor words like a refusal."""


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
    (re.compile(r"No articles found", re.I), _NoArticles),
)


def open_source(settings: SourceSettings, budget: Budget) -> AlphaVantage:
    """The adapter, ready to fetch."""
    return AlphaVantage(settings, budget)


class AlphaVantage:
    """A `BarSource` of minute bars of US equities (extended hours, unadjusted) and of crypto pairs.

    Also an `ActionSource` and a `NewsSource`.

    Args:
        settings: Key and address.
        budget: Grants the requests.
    """

    answers_at_once = timedelta(days=31)

    def __init__(self, settings: SourceSettings, budget: Budget) -> None:
        self._settings = settings
        self._key = settings.api_key.get_secret_value() if settings.api_key else ""
        self._client = VendorClient(settings, budget)

    async def fetch_bars(self, instrument: Instrument, watermark: datetime | None) -> FetchedBars:
        """See `BarSource.fetch_bars`."""
        now = datetime.now(UTC)
        size = choose_output_size(instrument, watermark, now, self._settings.minutes_between_polls)
        fetched = await self._ask(instrument, outputsize=size)
        if size == "compact" and watermark and not _reaches(fetched, watermark):
            fetched = await self._ask(instrument, outputsize="full")
        has_gap = bool(watermark and fetched.bars and not _reaches(fetched, watermark))
        return FetchedBars(fetched.bars, fetched.fetched_at, has_gap)

    async def fetch_history(self, instrument: Instrument, start: datetime, end: datetime) -> FetchedBars:
        """See `BarSource.fetch_history`: of equities any month, of crypto the last 30 days."""
        if instrument.kind == "crypto":
            fetched = await self._ask(instrument, outputsize="full")
            complete_from = max(start, fetched.bars[0].ts) if fetched.bars else None
            return FetchedBars(within(fetched.bars, start, end), fetched.fetched_at, complete_from=complete_from)
        answers = [await self._ask(instrument, outputsize="full", month=month) for month in months_between(start, end)]
        bars = within([bar for answer in answers for bar in answer.bars], start, end)
        return FetchedBars(bars, answers[-1].fetched_at, complete_from=start)

    async def fetch_actions(self, instrument: Instrument) -> FetchedActions:
        """See `ActionSource.fetch_actions`: of equities alone."""
        splits = await self._ask_actions(instrument, "SPLITS")
        dividends = await self._ask_actions(instrument, "DIVIDENDS")
        return FetchedActions([*splits.actions, *dividends.actions], dividends.fetched_at)

    async def fetch_news(self, instruments: Mapping[str, Instrument], since: datetime | None) -> FetchedNews:
        """See `NewsSource.fetch_news`: of the whole feed, whose questions cost the same as those for one ticker."""
        if since is None:
            page = await self._ask_news(instruments, {"sort": "LATEST"})
            return FetchedNews(page.articles, page.fetched_at, page.newest or page.fetched_at)
        pages: list[Page] = []
        failures: list[VendorError] = []
        while len(pages) < MOST_PAGES and (not pages or pages[-1].size >= MOST_ARTICLES):
            try:
                begin = {"sort": "EARLIEST", "time_from": since.strftime("%Y%m%dT%H%M")}
                pages.append(await self._ask_news(instruments, begin))
            except VendorError as error:
                if not pages:
                    raise
                failures.append(error)
                break
            # Past the minute, lest one that alone has more articles than an answer is asked for for ever.
            since = max(pages[-1].newest or since, since + timedelta(minutes=1))
        articles = {article.article_id: article for page in pages for article in page.articles}
        return FetchedNews(list(articles.values()), pages[-1].fetched_at, since, failures)

    async def close(self) -> None:
        """See `Source.close`."""
        await self._client.close()

    async def _ask(self, instrument: Instrument, **what: str) -> FetchedBars:
        source, symbol, redact = self._settings.name, instrument.symbol, self._client.redact

        def read(answer: Answer) -> FetchedBars:
            bars = parse_bars(answer.body, source, instrument, redact)
            return FetchedBars(keep_finished(bars, answer.composed_at), answer.received_at)

        return await self._client.ask(symbol, PATH, {**self._query(instrument), **what}, read)

    async def _ask_actions(self, instrument: Instrument, function: str) -> FetchedActions:
        source, symbol, redact = self._settings.name, instrument.symbol, self._client.redact
        query = {"function": function, "symbol": symbol, "apikey": self._key}

        def read(answer: Answer) -> FetchedActions:
            return FetchedActions(parse_actions(answer.body, source, instrument, function, redact), answer.received_at)

        return await self._client.ask(symbol, PATH, query, read)

    async def _ask_news(self, instruments: Mapping[str, Instrument], begin: Mapping[str, str]) -> Page:
        source, redact = self._settings.name, self._client.redact
        query = {
            "function": "NEWS_SENTIMENT",
            "limit": str(MOST_ARTICLES),
            "apikey": self._key,
            **begin,
        }

        def read(answer: Answer) -> Page:
            return parse_news(answer, source, instruments, redact)

        return await self._client.ask(ALL_NEWS, PATH, query, read)

    def _query(self, instrument: Instrument) -> dict[str, str]:
        common = {
            "interval": INTERVAL,
            "datatype": "json",
            "apikey": self._key,
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
    document, malformed = _read(body, source, instrument.symbol, redact)
    meta = document.get("Meta Data")
    series = next((value for key, value in document.items() if key.startswith("Time Series")), None)
    if not isinstance(meta, dict) or not isinstance(series, dict):
        raise malformed(f"no Meta Data or Time Series, only the keys {sorted(document)[:5]}")
    zone = _check_meta(meta, instrument, malformed)
    return [_bar(source, instrument.symbol, zone, text, series[text], malformed) for text in sorted(series)]


def parse_actions(
    body: bytes, source: str, instrument: Instrument, function: str, redact: Redactor
) -> list[CorporateAction]:
    """The splits or dividends of an answer, decimals as printed, oldest first.

    Dividends of one ex-date, a special one beside the regular, are one of their sum.

    Args:
        body: The document.
        source: The vendor's name in our settings.
        instrument: What was asked for.
        function: `SPLITS` or `DIVIDENDS`.
        redact: Keeps the key out of errors.

    Raises:
        VendorError: The document is an error text, sample rows, or not what the vendor documents.
    """
    document, malformed = _read(body, source, instrument.symbol, redact)
    rows = document.get("data")
    if str(document.get("symbol", "")).upper() != instrument.symbol or not isinstance(rows, list):
        raise malformed(f"no data of {instrument.symbol}, only the keys {sorted(document)[:5]}")
    day_field, value_field = _ACTION_FIELDS[function]
    values: dict[date, str] = {}
    for row in rows:
        try:
            day, value = date.fromisoformat(row[day_field]), row[value_field]
            if day in values and function == "SPLITS":
                raise ValueError("a second split of one day")
            values[day] = str(Decimal(values[day]) + Decimal(value)) if day in values else _decimal(value)
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise malformed(f"row {str(row)[:100]}: {type(error).__name__} {error}") from None
    return [
        CorporateAction(source, instrument.symbol, "split", day, midnight(day, EXCHANGE_ZONE), value)
        if function == "SPLITS"
        else CorporateAction(
            source, instrument.symbol, "dividend", day, midnight(day, EXCHANGE_ZONE), value, instrument.currency
        )
        for day, value in sorted(values.items())
    ]


def parse_news(answer: Answer, source: str, instruments: Mapping[str, Instrument], redact: Redactor) -> Page:
    """The articles of an answer about known instruments, scores as printed, oldest first.

    Args:
        answer: The feed, or why there is none; that nothing was published is no error.
        source: The vendor's name in our settings.
        instruments: Those that are known, by symbol.
        redact: Keeps the key out of errors.

    Raises:
        VendorError: The document is an error text, or not what the vendor documents.
    """
    try:
        document, malformed = _read(answer.body, source, ALL_NEWS, redact)
    except _NoArticles:
        return Page([], 0, None, answer.received_at)
    try:
        return read_feed(document.get("feed"), source, instruments, answer.received_at)
    except ValueError as error:
        raise malformed(str(error)) from None


def _read(
    body: bytes, source: str, symbol: str, redact: Redactor
) -> tuple[dict[str, Any], Callable[[str], MalformedAnswer]]:
    """The JSON object of an answer that is no refusal, and how to say that it is not what is documented."""

    def malformed(detail: str) -> MalformedAnswer:
        return MalformedAnswer(source, symbol, redact(detail))

    try:
        document = parse_json(body)
    except ValueError as error:
        raise malformed(str(error)) from None
    if not isinstance(document, dict):
        raise malformed("a JSON document that is not an object")
    _refuse_errors(document, source, symbol, redact)
    return document, malformed


def _decimal(text: Any) -> str:
    """A number of the contract's form, as printed."""
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise ValueError(f"{text!r} is no decimal number")
    return text


def _refuse_errors(document: Mapping[str, Any], source: str, symbol: str, redact: Redactor) -> None:
    texts = [str(document[key]) for key in ("Error Message", "Note", "Information") if key in document]
    sample = document.get("message")
    if sample is not None:
        raise SampleData(source, symbol, quoted(str(sample), redact))
    if texts:
        text = " ".join(texts)
        kind = next((error for pattern, error in _TEXTS if pattern.search(text)), VendorRefused)
        raise kind(source, symbol, quoted(text, redact))


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


def _reaches(fetched: FetchedBars, watermark: datetime) -> bool:
    return bool(fetched.bars) and fetched.bars[0].ts <= watermark
