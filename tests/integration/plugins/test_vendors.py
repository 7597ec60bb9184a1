"""The other vendors' adapters against the simulator that speaks their protocols, up to Kafka."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from marketpulse.ingest import poll_source


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
