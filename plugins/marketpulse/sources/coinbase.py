"""Coinbase Exchange: the public candles of crypto pairs, without a key.

Facts of the vendor: `start` and `end` both belong to a window, one of more than 300 candles is refused, candles before
`start` may come along, a minute without a trade has none, and the minute that is not over yet has one. Numbers are
JSON numbers: small ones come with an exponent, sums with the digits of a binary fraction. All volumes are multiples
of 1e-8, so what lies beyond is rounded away.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from marketpulse.bars import INTERVAL, Bar
from marketpulse.config import Instrument, SourceSettings
from marketpulse.redaction import Redactor
from marketpulse.sources.answers import BAR_LENGTH, parse_json, plain_number, quoted
from marketpulse.sources.budget import Budget
from marketpulse.sources.errors import BadApiKey, MalformedAnswer, UnknownSymbol, VendorError, VendorRefused
from marketpulse.sources.http import Answer, VendorClient
from marketpulse.sources.windowed import WindowedSource

MOST_CANDLES = 300
# A first fetch, and the longest outage that a poll catches up by itself: five requests.
LONGEST_REACH = timedelta(days=1)


def open_source(settings: SourceSettings, budget: Budget) -> Coinbase:
    """The adapter, ready to fetch."""
    return Coinbase(settings, budget)


class Coinbase(WindowedSource):
    """A `BarSource` of minute bars of crypto pairs, back to each pair's first trade.

    Args:
        settings: Address and overlap.
        budget: Grants the requests.
    """

    def __init__(self, settings: SourceSettings, budget: Budget) -> None:
        client = VendorClient(settings, budget, words_refusals=True)
        super().__init__(settings, client, window=MOST_CANDLES * BAR_LENGTH, reach=LONGEST_REACH)

    def question(self, instrument: Instrument, first: datetime, after: datetime) -> tuple[str, Mapping[str, str]]:
        """See `WindowedSource.question`."""
        # Up to the last minute, and not the one after it, which would be one candle too many.
        last = max(first, after - BAR_LENGTH)
        path = f"/products/{product_of(instrument, self.settings.name)}/candles"
        return path, {"granularity": "60", "start": _iso(first), "end": _iso(last)}

    def parse(self, answer: Answer, instrument: Instrument) -> list[Bar]:
        """See `WindowedSource.parse`."""
        return parse_candles(answer, self.settings.name, instrument, self.client.redact)


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
    low, high, open_, close, volume = (plain_number(value) for value in row[1:])
    return Bar(source, symbol, INTERVAL, datetime.fromtimestamp(seconds, UTC), open_, high, low, close, volume)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
