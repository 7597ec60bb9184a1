"""Coinbase Exchange: the public candles of crypto pairs, without a key.

Facts of the vendor: `start` and `end` both belong to a window, one of more than 300 candles is refused, candles before
`start` may come along, a minute without a trade has none, and the minute that is not over yet has one. Numbers are
JSON numbers: small ones come with an exponent, sums with the digits of a binary fraction. All volumes are multiples
of 1e-8, so what lies beyond is rounded away.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from marketpulse.bars import INTERVAL, Bar
from marketpulse.config import Instrument, SourceSettings
from marketpulse.redaction import Redactor
from marketpulse.sources.answers import BAR_LENGTH, keep_finished, parse_json, quoted, windows, within
from marketpulse.sources.errors import BadApiKey, MalformedAnswer, UnknownSymbol, VendorError, VendorRefused
from marketpulse.sources.http import Answer, VendorClient
from marketpulse.sources.protocol import FetchedBars

MOST_CANDLES = 300
# A first fetch, and the longest outage that a poll catches up by itself: five requests.
LONGEST_REACH = timedelta(days=1)
_SMALLEST = Decimal("1e-8")


def open_source(settings: SourceSettings) -> Coinbase:
    """The adapter, ready to fetch."""
    return Coinbase(settings)


class Coinbase:
    """A `Source` of minute bars of crypto pairs, back to each pair's first trade.

    Args:
        settings: Address, rate and overlap.
    """

    def __init__(self, settings: SourceSettings) -> None:
        self._settings = settings
        self._client = VendorClient(settings, words_refusals=True)

    async def fetch_bars(self, instrument: Instrument, watermark: datetime | None) -> FetchedBars:
        """See `Source.fetch_bars`: the last day without a watermark, or with an older one."""
        now = datetime.now(UTC)
        start = (now - LONGEST_REACH).replace(second=0, microsecond=0)
        if watermark:
            start = max(start, watermark - self._settings.overlap_bars * BAR_LENGTH)
        fetched = await self._fetch(instrument, start, now)
        has_gap = bool(watermark and fetched.bars and start > watermark)
        return FetchedBars(fetched.bars, fetched.fetched_at, has_gap)

    async def fetch_history(self, instrument: Instrument, start: datetime, end: datetime) -> FetchedBars:
        """See `Source.fetch_history`."""
        fetched = await self._fetch(instrument, start, end)
        return FetchedBars(fetched.bars, fetched.fetched_at, complete_from=start)

    async def close(self) -> None:
        """See `Source.close`."""
        await self._client.close()

    async def _fetch(self, instrument: Instrument, start: datetime, end: datetime) -> FetchedBars:
        path = f"/products/{product_of(instrument, self._settings.name)}/candles"
        bars: list[Bar] = []
        fetched_at = datetime.now(UTC)
        for first, after in windows(start, end, MOST_CANDLES * BAR_LENGTH):
            fetched = await self._ask(instrument, path, first, after)
            bars += within(fetched.bars, first, after)
            fetched_at = fetched.fetched_at
        return FetchedBars(bars, fetched_at)

    async def _ask(self, instrument: Instrument, path: str, first: datetime, after: datetime) -> FetchedBars:
        # The window's last minute, and not the one after it, which would be one candle too many.
        last = max(first, after - BAR_LENGTH)
        params = {"granularity": "60", "start": _iso(first), "end": _iso(last)}

        def read(answer: Answer) -> FetchedBars:
            bars = parse_candles(answer, self._settings.name, instrument, self._client.redact)
            return FetchedBars(keep_finished(bars, answer.composed_at), answer.received_at)

        return await self._client.ask(instrument.symbol, path, params, read)


def product_of(instrument: Instrument, source: str) -> str:
    """The vendor's name of a pair: `BTC-USD` of `BTCUSD`.

    Raises:
        UnknownSymbol: It is no crypto pair.
    """
    coin = instrument.symbol.removesuffix(instrument.currency)
    if instrument.kind != "crypto" or coin in ("", instrument.symbol):
        raise UnknownSymbol(source, instrument.symbol, "the vendor trades crypto pairs such as BTCUSD only")
    return f"{coin}-{instrument.currency}"


def parse_candles(answer: Answer, source: str, instrument: Instrument, redact: Redactor) -> list[Bar]:
    """The bars of an answer, oldest first, each minute once.

    Args:
        answer: Candles, or an object whose `message` says why there are none.
        source: The vendor's name in our settings.
        instrument: What was asked for.
        redact: Keeps a key out of errors.

    Raises:
        VendorError: The document is a refusal, or not what the vendor documents.
    """
    symbol = instrument.symbol
    try:
        document = parse_json(answer.body)
    except ValueError as error:
        raise answer.refusal or MalformedAnswer(source, symbol, redact(str(error))) from None
    if isinstance(document, dict) and "message" in document:
        words = str(document["message"])
        wait = answer.refusal.wait_seconds if answer.refusal else None
        raise _kind(words, answer.refusal)(source, symbol, quoted(words, redact), wait)
    if answer.refusal:
        raise answer.refusal
    if not isinstance(document, list):
        raise MalformedAnswer(source, symbol, "a JSON document that is not a list of candles")
    try:
        bars = {bar.ts: bar for bar in (_bar(source, symbol, row) for row in document)}
    except (ValueError, TypeError, ArithmeticError) as error:
        raise MalformedAnswer(source, symbol, redact(f"{type(error).__name__} {error}")) from None
    return [bars[ts] for ts in sorted(bars)]


def _kind(words: str, refusal: VendorError | None) -> type[VendorError]:
    if words == "NotFound":
        return UnknownSymbol
    # There is no key that could be bad: this is a blocked address or region.
    return VendorRefused if refusal is None or isinstance(refusal, BadApiKey) else type(refusal)


def _bar(source: str, symbol: str, row: Any) -> Bar:
    if not isinstance(row, list) or len(row) != 6 or not all(isinstance(value, str) for value in row):
        raise ValueError(f"row {row!r} is not time, low, high, open, close, volume")
    seconds = int(row[0])
    if seconds % 60:
        raise ValueError(f"row {row!r} does not begin with a whole minute")
    low, high, open_, close, volume = (_plain(value) for value in row[1:])
    return Bar(source, symbol, INTERVAL, datetime.fromtimestamp(seconds, UTC), open_, high, low, close, volume)


def _plain(number: str) -> str:
    """The number as printed, unless it has an exponent or more than 8 decimals."""
    whole, _, decimals = number.partition(".")
    if whole.isdigit() and len(decimals) <= 8 and (decimals.isdigit() or not decimals):
        return number
    value = Decimal(number)
    if not value.is_finite():
        raise ValueError(f"{number} is no number")
    return format(value.quantize(_SMALLEST), "f").rstrip("0").rstrip(".")


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
