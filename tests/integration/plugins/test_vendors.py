"""The adapters of other vendors than Alpha Vantage against the simulator, up to Kafka."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from marketpulse.config import load_instruments, load_sources
from marketpulse.ingest import poll_source
from marketpulse.sources.protocol import BarSource, FetchedBars, open_source


def test_coinbase_publishes_the_last_day_and_then_what_is_new(
    task_environment: dict[str, str], simulator: httpx.Client, live_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COINBASE_BASE_URL", str(simulator.base_url))
    monkeypatch.setenv("COINBASE_SYMBOLS", "BTCEUR,BTCUSD")
    now = datetime.fromisoformat(simulator.get("/health").json()["clock"]).replace(second=0, microsecond=0)

    result = poll_source("coinbase", "first")

    assert result.failures == {}
    messages = [message for message in live_topic.read() if datetime.fromisoformat(message["ts"]) < now]
    assert {(message["source"], message["symbol"]) for message in messages} == {
        ("coinbase", "BTCEUR"),
        ("coinbase", "BTCUSD"),
    }
    times = sorted(datetime.fromisoformat(message["ts"]) for message in messages if message["symbol"] == "BTCUSD")
    assert timedelta(hours=23) < times[-1] - times[0] <= timedelta(hours=24)
    assert len(times) == (times[-1] - times[0]) / timedelta(minutes=1) + 1

    corrected = now - timedelta(minutes=10)
    simulator.post("/admin/faults", json={"kind": "correction", "symbol": "BTCUSD", "at": corrected.isoformat()})

    assert poll_source("coinbase", "second").published == 1
    (revision,) = live_topic.read()
    assert (revision["symbol"], datetime.fromisoformat(revision["ts"])) == ("BTCUSD", corrected)


@pytest.mark.parametrize(
    ("fault", "words", "may_pass"),
    [
        ({"kind": "message", "message": "burst"}, "RateLimited: .*Public rate limit exceeded", True),
        ({"kind": "message", "message": "bad_symbol"}, "UnknownSymbol: .*NotFound", False),
        ({"kind": "cut_off"}, "MalformedAnswer: .*not JSON", True),
        ({"kind": "http_status", "status": 503}, "VendorUnavailable: HTTP 503", True),
    ],
    ids=["burst", "bad_symbol", "cut_off", "503"],
)
def test_refusals_of_coinbase_are_named(
    task_environment: dict[str, str],
    simulator: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    fault: dict[str, Any],
    words: str,
    may_pass: bool,
) -> None:
    monkeypatch.setenv("COINBASE_BASE_URL", str(simulator.base_url))
    monkeypatch.setenv("COINBASE_SYMBOLS", "BTCUSD,ETHUSD")
    simulator.post("/admin/faults", json={**fault, "symbol": "ETHUSD"}).raise_for_status()

    result = poll_source("coinbase", "run")

    assert result.published > 1000
    assert list(result.failures) == ["ETHUSD"]
    assert re.search(words, result.failures["ETHUSD"])
    assert result.may_pass is may_pass


def test_twelve_data_serves_the_days_that_alpha_vantage_serves(
    task_environment: dict[str, str], simulator: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWELVE_DATA_BASE_URL", str(simulator.base_url))
    monkeypatch.setenv("TWELVE_DATA_API_KEY", "CANARY")
    instruments = load_instruments()
    sources = load_sources(instruments)
    # Two windows, a weekend and a holiday among them.
    start, end = datetime(2025, 2, 12, tzinfo=UTC), datetime(2025, 2, 20, tzinfo=UTC)

    async def history(name: str) -> FetchedBars:
        source = open_source(sources[name], BarSource)
        try:
            return await source.fetch_history(instruments["AAPL"], start, end)
        finally:
            await source.close()

    twelve_data, alpha_vantage = (asyncio.run(history(name)) for name in ("twelve_data", "alpha_vantage"))

    assert twelve_data.complete_from == start
    days = Counter(bar.ts.date().isoformat() for bar in twelve_data.bars)
    assert days == dict.fromkeys(("2025-02-12", "2025-02-13", "2025-02-14", "2025-02-18", "2025-02-19"), 390)
    known = {bar.ts: [Decimal(value) for value in bar.values] for bar in alpha_vantage.bars}
    assert [bar for bar in twelve_data.bars if [Decimal(value) for value in bar.values] != known[bar.ts]] == []


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("burst", "RateLimited: .*current minute"),
        ("daily_budget", "DailyBudgetExhausted: .*for the day"),
        ("premium_only", "PremiumOnly: .*starting with Pro"),
        ("bad_key", "BadApiKey: .*incorrect or not specified"),
        ("bad_symbol", "UnknownSymbol: .*missing or invalid"),
    ],
)
def test_refusals_of_twelve_data_are_named(
    task_environment: dict[str, str],
    simulator: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    message: str,
    words: str,
) -> None:
    variables = {"BASE_URL": str(simulator.base_url), "API_KEY": "CANARY", "POLL": "always", "SYMBOLS": "AAPL"}
    for name, value in variables.items():
        monkeypatch.setenv(f"TWELVE_DATA_{name}", value)
    simulator.post("/admin/faults", json={"kind": "message", "message": message}).raise_for_status()

    result = poll_source("twelve_data", "run")

    assert result.published == 0
    assert re.search(words, result.failures["AAPL"])
