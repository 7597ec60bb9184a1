from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from marketpulse.config import Instrument, SourceSettings
from marketpulse.redaction import Redactor
from marketpulse.sources import http
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
from marketpulse.sources.http import Answer
from marketpulse.sources.protocol import FetchedBars
from marketpulse.sources.twelve_data import WINDOW, TwelveData, parse_time_series
from pydantic import SecretStr

from tests.unit.plugins.vendor_server import Asked, Grants, Vendor, vendor

ANSWERS = Path(__file__).parent / "answers" / "twelve_data"
KEY = "CANARY-KEY-0001"
NOW = datetime(2026, 5, 15, 20, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CLOSED = ("2025-05-17", "2025-05-18")
AAPL = Instrument(symbol="AAPL", name="Apple", kind="equity", calendar="XNYS", currency="USD", tick=Decimal("0.01"))
BTCUSD = Instrument(
    symbol="BTCUSD", name="Bitcoin", kind="crypto", calendar="24/7", currency="USD", tick=Decimal("0.01")
)


def parse(name: str, refusal: VendorError | None = None) -> list[tuple[datetime, tuple[str, ...]]]:
    answer = Answer((ANSWERS / name).read_bytes(), NOW, NOW, refusal)
    bars = parse_time_series(answer, "twelve_data", AAPL, Redactor(SecretStr(KEY)))
    assert {(bar.source, bar.symbol, bar.interval) for bar in bars} <= {("twelve_data", "AAPL", "1min")}
    return [(bar.ts, bar.values) for bar in bars]


def market(asked: Asked) -> tuple[int, bytes]:
    """The vendor's own rules, in a market that trades every tenth minute but on closed days."""
    if asked.headers.get("Authorization") != f"apikey {KEY}":
        return 401, (ANSWERS / "bad_key.json").read_bytes()
    assert (asked.path, asked.query["timezone"], asked.query["adjust"]) == ("/time_series", "UTC", "none")
    start, end = (datetime.fromisoformat(asked.query[f"{name}_date"]) for name in ("start", "end"))
    end = min(end, datetime.now(UTC).replace(tzinfo=None))
    first = start.replace(minute=start.minute // 10 * 10, second=0)
    minutes = (first + n * 10 * MINUTE for n in range(int((end - first) / MINUTE) // 10 + 1))
    found = [ts for ts in minutes if start <= ts <= end and ts.date().isoformat() not in CLOSED]
    if not found:
        return 400, (ANSWERS / "no_data.json").read_bytes()
    document = json.loads((ANSWERS / "bars.json").read_bytes())
    row = document["values"][0]
    document["values"] = [{**row, "datetime": str(ts)} for ts in found[-int(asked.query["outputsize"]) :]]
    return 200, json.dumps(document).encode()


def fetch(server: Vendor, ask: Callable[[TwelveData], Awaitable[FetchedBars]], **settings: object) -> FetchedBars:
    own = {"name": "twelve_data", "adapter": "twelve_data", "base_url": server.url, "api_key": KEY}
    source = SourceSettings.model_validate({**own, **settings})

    async def once() -> FetchedBars:
        twelve_data = TwelveData(source, Grants())
        try:
            return await ask(twelve_data)
        finally:
            await twelve_data.close()

    return asyncio.run(once())


@pytest.mark.parametrize("name", ["bars.json", "newest_first_and_doubled.json"])
def test_bars_are_oldest_first_and_printed_as_the_vendor_printed_them(name: str) -> None:
    assert parse(name) == [
        (datetime(2026, 5, 15, 19, 58, tzinfo=UTC), ("189.64999", "189.70000", "189.60001", "189.66", "183022")),
        (datetime(2026, 5, 15, 19, 59, tzinfo=UTC), ("189.66000", "189.80", "189.5", "189.78000", "1520003")),
    ]


@pytest.mark.parametrize("refusal", [None, VendorRefused("twelve_data", "AAPL", "HTTP 400")])
def test_no_bars_in_the_window_is_no_error(refusal: VendorError | None) -> None:
    assert parse("no_data.json", refusal) == []
    assert parse("no_rows.json") == []


@pytest.mark.parametrize("with_status", [True, False], ids=["its own status", "HTTP 200"])
@pytest.mark.parametrize(
    ("name", "status_says", "error"),
    [
        ("bad_parameter.json", VendorRefused, VendorRefused),
        ("bad_key.json", BadApiKey, BadApiKey),
        ("plan_403.json", BadApiKey, PremiumOnly),
        ("plan_404.json", VendorRefused, PremiumOnly),
        ("unknown_symbol.json", VendorRefused, UnknownSymbol),
        ("data_not_found.json", VendorRefused, VendorRefused),
        ("too_long.json", VendorRefused, VendorRefused),
        ("minute_credits.json", RateLimited, RateLimited),
        ("day_credits.json", RateLimited, DailyBudgetExhausted),
        ("server_error.json", VendorUnavailable, VendorUnavailable),
        ("new_words.json", VendorRefused, VendorRefused),
    ],
)
def test_every_refusal_has_a_name(
    name: str, status_says: type[VendorError], error: type[VendorError], with_status: bool
) -> None:
    refusal = status_says("twelve_data", "AAPL", "HTTP", 7.0) if with_status else None

    with pytest.raises(VendorError, match="the vendor says") as caught:
        parse(name, refusal)

    assert type(caught.value) is error
    assert "Next: " in str(caught.value)
    assert caught.value.wait_seconds == (7.0 if with_status else None)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("cut_off.json", "not JSON"),
        ("list.json", "not an object"),
        ("no_meta.json", "no meta or values, only the keys"),
        ("other_symbol.json", "an answer for .'MSFT'"),
        ("other_interval.json", "'5min'"),
        ("other_currency.json", "'MXN'"),
        ("no_volume.json", "KeyError 'volume'"),
        ("null_price.json", "a value that is no number"),
        ("odd_second.json", "whole minute in UTC"),
        ("list_row.json", "TypeError"),
    ],
)
def test_what_the_vendor_does_not_document_is_malformed(name: str, words: str) -> None:
    with pytest.raises(MalformedAnswer, match=words):
        parse(name)


def test_a_full_answer_may_have_been_cut_off() -> None:
    document = json.loads((ANSWERS / "bars.json").read_bytes())
    document["values"] = document["values"][:1] * 5000
    answer = Answer(json.dumps(document).encode(), NOW, NOW)

    with pytest.raises(MalformedAnswer, match="5000 rows"):
        parse_time_series(answer, "twelve_data", AAPL, Redactor(None))


@pytest.mark.parametrize(("days", "requests"), [(1, 1), (7, 1), (8, 2), (20, 3)])
def test_history_comes_in_windows_and_says_from_when_on_it_is_complete(days: int, requests: int) -> None:
    start, end = datetime(2025, 5, 10, tzinfo=UTC), datetime(2025, 5, 10, tzinfo=UTC) + timedelta(days=days)

    with vendor(market) as server:
        fetched = fetch(server, lambda source: source.fetch_history(AAPL, start, end))

    minutes = (start + n * 10 * MINUTE for n in range(days * 144))
    assert [bar.ts for bar in fetched.bars] == [ts for ts in minutes if ts.date().isoformat() not in CLOSED]
    assert fetched.complete_from == start
    assert len(server.asked) == requests


def test_history_of_a_weekend_is_complete_and_empty() -> None:
    start = datetime(2025, 5, 17, tzinfo=UTC)

    with vendor(market) as server:
        fetched = fetch(server, lambda source: source.fetch_history(AAPL, start, start + timedelta(days=2)))

    assert (fetched.bars, fetched.complete_from) == ([], start)


@pytest.mark.parametrize(("behind", "has_gap"), [(30, False), (6 * 1440, False), (8 * 1440, True)])
def test_a_poll_is_one_request_from_the_overlap_before_the_watermark_on(behind: int, has_gap: bool) -> None:
    now = datetime.now(UTC)
    watermark = now.replace(second=0, microsecond=0) - behind * MINUTE

    with vendor(market) as server:
        fetched = fetch(server, lambda source: source.fetch_bars(AAPL, watermark), overlap_bars=20)

    assert max(watermark - 20 * MINUTE, now - WINDOW) <= fetched.bars[0].ts
    assert fetched.bars[0].ts < max(watermark, now - WINDOW) + 11 * MINUTE
    assert now - 12 * MINUTE < fetched.bars[-1].ts <= datetime.now(UTC) - MINUTE
    assert (fetched.has_gap, len(server.asked)) == (has_gap, 1)


def test_a_first_fetch_is_the_last_week() -> None:
    with vendor(market) as server:
        fetched = fetch(server, lambda source: source.fetch_bars(AAPL, None))

    assert WINDOW - 12 * MINUTE < datetime.now(UTC) - fetched.bars[0].ts <= WINDOW + MINUTE
    assert fetched.has_gap is False


def test_crypto_is_refused_without_a_request() -> None:
    with vendor(market) as server, pytest.raises(UnknownSymbol, match=r"BTCUSD: .*equities only"):
        fetch(server, lambda source: source.fetch_bars(BTCUSD, None))
    assert server.asked == []


@pytest.mark.parametrize("key", [KEY, "CANARY-WRONG"])
def test_the_key_goes_out_in_a_header_and_is_in_no_address_log_or_error(
    key: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_back_off", lambda state: 0.01)
    caplog.set_level(logging.DEBUG)
    start = datetime(2025, 5, 14, tzinfo=UTC)
    error = ""

    with vendor(market) as server:
        try:
            fetch(server, lambda source: source.fetch_history(AAPL, start, start + MINUTE), api_key=key)
        except BadApiKey as refused:
            error = str(refused)

    assert bool(error) is (key != KEY)
    (asked,) = server.asked
    assert asked.headers["Authorization"] == f"apikey {key}"
    assert "CANARY" not in str(asked.query) + asked.path + caplog.text + error
