from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from marketpulse.config import Instrument, SourceSettings
from marketpulse.redaction import Redactor
from marketpulse.sources import http
from marketpulse.sources.coinbase import LONGEST_REACH, Coinbase, parse_candles, product_of
from marketpulse.sources.errors import (
    BadApiKey,
    MalformedAnswer,
    RateLimited,
    UnknownSymbol,
    VendorError,
    VendorRefused,
    VendorUnavailable,
)
from marketpulse.sources.http import Answer
from marketpulse.sources.protocol import FetchedBars

from tests.unit.plugins.vendor_server import Asked, Grants, Vendor, vendor

ANSWERS = Path(__file__).parent / "answers" / "coinbase"
NOW = datetime(2026, 5, 15, 20, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
BTCUSD = Instrument(
    symbol="BTCUSD", name="Bitcoin", kind="crypto", calendar="24/7", currency="USD", tick=Decimal("0.01")
)
BTCEUR = Instrument(
    symbol="BTCEUR", name="Bitcoin", kind="crypto", calendar="24/7", currency="EUR", tick=Decimal("0.01")
)
MSFT = Instrument(symbol="MSFT", name="Microsoft", kind="equity", calendar="XNYS", currency="USD", tick=Decimal("0.01"))


def answer(name: str, refusal: VendorError | None = None) -> Answer:
    return Answer((ANSWERS / name).read_bytes(), NOW, NOW, refusal)


def exchange(asked: Asked) -> tuple[int, bytes]:
    """The vendor's own rules: a candle every minute but those that end in 7, the unfinished one too."""
    if "User-Agent" not in asked.headers:
        return 400, b'{"message":"User-Agent header is required."}'
    if asked.path != "/products/BTC-USD/candles":
        return 404, b'{"message":"NotFound"}'
    start, end = (datetime.fromisoformat(asked.query[name]) for name in ("start", "end"))
    if (end - start) / MINUTE > 300:
        return 400, (ANSWERS / "too_many.json").read_bytes()
    # Some candles may precede the start.
    minutes = (start - 3 * MINUTE + n * MINUTE for n in range(int((end - start) / MINUTE) + 4))
    rows = [[int(ts.timestamp()), 1, 3, 2, 2.50, 0.25] for ts in minutes if ts <= datetime.now(UTC)]
    return 200, json.dumps([row for row in reversed(rows) if row[0] // 60 % 10 != 7]).encode()


def fetch(server: Vendor, ask: Callable[[Coinbase], Awaitable[FetchedBars]], **settings: object) -> FetchedBars:
    own = {"name": "coinbase", "adapter": "coinbase", "base_url": server.url}
    source = SourceSettings.model_validate({**own, **settings})

    async def once() -> FetchedBars:
        coinbase = Coinbase(source, Grants())
        try:
            return await ask(coinbase)
        finally:
            await coinbase.close()

    return asyncio.run(once())


def expected(first: datetime, last: datetime) -> list[datetime]:
    minutes = (first + n * MINUTE for n in range(int((last - first) / MINUTE) + 1))
    return [ts for ts in minutes if int(ts.timestamp()) // 60 % 10 != 7]


def test_candles_are_utc_oldest_first_with_the_digits_that_the_vendor_printed() -> None:
    bars = parse_candles(answer("candles.json"), "coinbase", BTCUSD, Redactor(None))

    assert [(bar.source, bar.symbol, bar.interval) for bar in bars] == [("coinbase", "BTCUSD", "1min")] * 3
    assert [(bar.ts, bar.values) for bar in bars] == [
        (datetime(2026, 5, 15, 19, 56, tzinfo=UTC), ("79000.5", "79000.5", "79000.5", "79000.5", "0.00000001")),
        (datetime(2026, 5, 15, 19, 58, tzinfo=UTC), ("79000.5", "79010", "79000.5", "79010", "14.69763001")),
        (datetime(2026, 5, 15, 19, 59, tzinfo=UTC), ("79010", "79044.9", "79001.02", "79040.11", "0.00451")),
    ]


def test_an_answer_without_candles_is_no_bars() -> None:
    assert parse_candles(answer("no_candles.json"), "coinbase", BTCUSD, Redactor(None)) == []


@pytest.mark.parametrize(
    ("name", "status_says", "error", "words"),
    [
        ("not_found.json", VendorRefused, UnknownSymbol, "NotFound"),
        ("rate_limit.json", RateLimited, RateLimited, "Public rate limit exceeded"),
        ("too_many.json", VendorRefused, VendorRefused, "Count of aggregations requested exceeds 300"),
        ("forbidden.json", BadApiKey, VendorRefused, "Forbidden"),
        ("gateway.html", VendorRefused, VendorRefused, "what the status says"),
        ("no_candles.json", VendorRefused, VendorRefused, "what the status says"),
        ("too_many.json", None, VendorRefused, "Count of aggregations"),
        ("gateway.html", None, MalformedAnswer, "not JSON, starting '<html>"),
        ("cut_off.json", None, MalformedAnswer, "not JSON"),
        ("object.json", None, MalformedAnswer, "not a list"),
        ("short_row.json", None, MalformedAnswer, "is not time, low, high"),
        ("null_price.json", None, MalformedAnswer, "is not time, low, high"),
        ("odd_second.json", None, MalformedAnswer, "whole minute"),
        ("not_a_number.json", None, MalformedAnswer, "NaN is no number"),
    ],
)
def test_every_answer_that_is_no_data_has_a_name(
    name: str, status_says: type[VendorError] | None, error: type[VendorError], words: str
) -> None:
    refusal = status_says("coinbase", "BTCUSD", "what the status says", 7.0) if status_says else None

    with pytest.raises(VendorError, match=words) as caught:
        parse_candles(answer(name, refusal), "coinbase", BTCUSD, Redactor(None))

    assert type(caught.value) is error
    assert "Next: " in str(caught.value)
    assert caught.value.wait_seconds == (7.0 if refusal else None)


def test_pairs_are_products_and_shares_are_refused() -> None:
    assert [product_of(pair, "coinbase") for pair in (BTCUSD, BTCEUR)] == ["BTC-USD", "BTC-EUR"]
    with pytest.raises(UnknownSymbol, match=r"MSFT: .*crypto pairs"):
        product_of(MSFT, "coinbase")


@pytest.mark.parametrize(("minutes", "requests"), [(1, 1), (300, 1), (301, 2), (1440, 5)])
def test_history_comes_in_windows_that_the_vendor_accepts(minutes: int, requests: int) -> None:
    start = datetime(2025, 3, 30, 0, 30, tzinfo=UTC)
    end = start + minutes * MINUTE

    with vendor(exchange) as server:
        fetched = fetch(server, lambda coinbase: coinbase.fetch_history(BTCUSD, start, end))

    assert [bar.ts for bar in fetched.bars] == expected(start, end - MINUTE)
    assert (fetched.complete_from, fetched.has_gap) == (start, False)
    assert len(server.asked) == requests


@pytest.mark.parametrize(("behind", "has_gap"), [(1, False), (250, False), (1390, False), (1500, True)])
def test_a_poll_reaches_from_the_overlap_before_the_watermark_to_the_last_finished_minute(
    behind: int, has_gap: bool
) -> None:
    began = datetime.now(UTC).replace(second=0, microsecond=0)
    watermark = began - behind * MINUTE

    with vendor(exchange) as server:
        fetched = fetch(server, lambda coinbase: coinbase.fetch_bars(BTCUSD, watermark), overlap_bars=20)

    oldest = max(watermark - 20 * MINUTE, began - LONGEST_REACH)
    # The test may have met a change of the minute.
    assert [bar.ts for bar in fetched.bars if oldest + MINUTE <= bar.ts < began] == expected(
        oldest + MINUTE, began - MINUTE
    )
    assert oldest <= fetched.bars[0].ts
    assert fetched.bars[-1].ts < datetime.now(UTC) - MINUTE
    assert fetched.has_gap is has_gap


def test_a_first_fetch_is_the_last_day() -> None:
    with vendor(exchange) as server:
        fetched = fetch(server, lambda coinbase: coinbase.fetch_bars(BTCUSD, None))

    assert timedelta(hours=23) < datetime.now(UTC) - fetched.bars[0].ts <= LONGEST_REACH + MINUTE
    assert fetched.has_gap is False


def test_a_watermark_ahead_of_our_clock_asks_for_nothing() -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)

    with vendor(exchange) as server:
        fetched = fetch(server, lambda coinbase: coinbase.fetch_bars(BTCUSD, ahead), overlap_bars=1)

    assert (fetched.bars, fetched.has_gap, server.asked) == ([], False, [])


def test_an_unknown_pair_is_asked_for_once() -> None:
    with vendor(exchange) as server, pytest.raises(UnknownSymbol):
        fetch(server, lambda coinbase: coinbase.fetch_history(BTCEUR, NOW - MINUTE, NOW))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "name", "error"),
    [(429, "rate_limit.json", RateLimited), (500, "server_error.json", VendorUnavailable)],
)
def test_what_may_pass_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, status: int, name: str, error: type[VendorError]
) -> None:
    monkeypatch.setattr(http, "_back_off", lambda state: 0.01)

    def busy(asked: Asked) -> tuple[int, bytes]:
        return status, (ANSWERS / name).read_bytes()

    with vendor(busy) as server, pytest.raises(error):
        fetch(server, lambda coinbase: coinbase.fetch_history(BTCUSD, NOW - MINUTE, NOW))
    assert len(server.asked) == http.ATTEMPTS
