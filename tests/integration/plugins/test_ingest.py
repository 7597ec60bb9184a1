"""Polls of the real simulator into the real Kafka and PostgreSQL."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from marketpulse import ingest, publishing
from marketpulse.ingest import AnotherPollRunning, poll_source
from marketpulse.publishing import NotAcknowledged
from marketpulse.warehouse import connect
from marketpulse.watermarks import Watermark, read_watermarks

from tests.sent_metrics import sent_lines

REPOSITORY = Path(__file__).parents[3]
CONTRACT = json.loads((REPOSITORY / "contracts/market.bars.v1.json").read_text())
VALUES = ("open", "high", "low", "close", "volume")
CANARY = "CANARY-KEY/0001+x"


def watermarks() -> dict[str, Watermark]:
    with connect(statement_seconds=5, lock_seconds=5) as connection:
        return read_watermarks(connection, "alpha_vantage")


@pytest.fixture
def minute(simulator: httpx.Client) -> Callable[[int], datetime]:
    """Some minutes before the simulator's current one."""
    now = datetime.fromisoformat(simulator.get("/health").json()["clock"]).replace(second=0, microsecond=0)
    return lambda ago: now - timedelta(minutes=ago)


def start_at(symbols: Mapping[str, datetime]) -> None:
    """Watermarks as if these bars had been published: spares a test the 30 days of a first fetch."""
    with connect(statement_seconds=5, lock_seconds=5) as connection:
        for symbol, newest in symbols.items():
            connection.execute(
                "INSERT INTO ops.source_watermarks VALUES ('alpha_vantage', %s, '1min', %s, '{}')", (symbol, newest)
            )


def vendor_bars(simulator: httpx.Client, coin: str, size: str) -> dict[str, list[str]]:
    params = {"symbol": coin, "market": "USD", "interval": "1min", "outputsize": size, "apikey": CANARY}
    answer: dict[str, Any] = simulator.get("/query", params={"function": "CRYPTO_INTRADAY", **params}).json()
    rows = answer["Time Series Crypto (1min)"]
    return {time.replace(" ", "T") + "Z": [str(value) for value in row.values()] for time, row in rows.items()}


def test_a_first_poll_publishes_everything_as_printed_and_the_next_nothing(
    task_environment: dict[str, str], simulator: httpx.Client, live_topic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD,MSFT")
    began = time.monotonic()

    result = poll_source("alpha_vantage", "scheduled__1")

    assert time.monotonic() - began < 45
    messages = live_topic.read()
    assert len(messages) == result.published
    for message in [*messages[:200], *messages[-200:]]:
        jsonschema.validate(message, CONTRACT)
    assert {message["run_id"] for message in messages} == {"scheduled__1"}
    vendor = vendor_bars(simulator, "BTC", "full")
    published = {m["ts"]: [m[name] for name in VALUES] for m in messages if m["symbol"] == "BTCUSD"}
    assert len(published) > 43_000
    assert {ts: values for ts, values in published.items() if vendor.get(ts) != values} == {}
    assert {m["symbol"] for m in messages} == {"BTCUSD", "MSFT"}

    assert poll_source("alpha_vantage", "scheduled__2").published == 0
    assert live_topic.read() == []


def test_only_new_and_changed_bars_are_published(
    task_environment: dict[str, str],
    simulator: httpx.Client,
    live_topic: Any,
    monkeypatch: pytest.MonkeyPatch,
    minute: Callable[[int], datetime],
    receiver: socket.socket,
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "ETHUSD")
    start_at({"ETHUSD": minute(31)})

    assert poll_source("alpha_vantage", "first").published == 30
    first = {message["ts"]: message for message in live_topic.read()}
    corrected = minute(10)
    simulator.post("/admin/faults", json={"kind": "correction", "symbol": "ETHUSD", "at": corrected.isoformat()})

    assert poll_source("alpha_vantage", "second").published == 1
    (revision,) = live_topic.read()
    assert revision["ts"] == f"{corrected:%Y-%m-%dT%H:%M:%SZ}"
    assert [revision[name] for name in VALUES] != [first[revision["ts"]][name] for name in VALUES]
    assert revision["fetched_at"] > first[revision["ts"]]["fetched_at"]
    assert poll_source("alpha_vantage", "third").published == 0
    counted = [line for line in sent_lines(receiver) if "bars_corrected" in line]
    assert counted == ["marketpulse.bars_corrected,source=alpha_vantage:1|c"]


def test_doubled_bars_in_an_answer_are_published_once(
    task_environment: dict[str, str],
    simulator: httpx.Client,
    live_topic: Any,
    monkeypatch: pytest.MonkeyPatch,
    minute: Callable[[int], datetime],
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "ETHUSD")
    start_at({"ETHUSD": minute(31)})
    simulator.post("/admin/faults", json={"kind": "doubled_bars", "symbol": "ETHUSD", "bars": 10})

    assert poll_source("alpha_vantage", "run").published == 30
    assert len({message["ts"] for message in live_topic.read()}) == 30


@pytest.mark.parametrize("behind", [90, 400])
def test_an_outage_heals_by_itself(
    task_environment: dict[str, str],
    live_topic: Any,
    monkeypatch: pytest.MonkeyPatch,
    behind: int,
    minute: Callable[[int], datetime],
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD")
    start_at({"BTCUSD": minute(behind)})

    poll_source("alpha_vantage", "run")

    found = sorted(message["ts"] for message in live_topic.read())
    expected = [f"{minute(ago):%Y-%m-%dT%H:%M:%SZ}" for ago in range(behind - 1, 0, -1)]
    assert found == expected


@pytest.mark.parametrize(
    ("fault", "words", "may_pass"),
    [
        ({"kind": "http_status", "status": 503}, "VendorUnavailable: HTTP 503", True),
        ({"kind": "html"}, "MalformedAnswer", True),
        ({"kind": "cut_off"}, "MalformedAnswer", True),
        ({"kind": "message", "message": "burst"}, "RateLimited", True),
        ({"kind": "message", "message": "note"}, "RateLimited", True),
        ({"kind": "message", "message": "daily_budget"}, "DailyBudgetExhausted", False),
        ({"kind": "message", "message": "premium_only"}, "PremiumOnly", False),
        ({"kind": "message", "message": "bad_key"}, "BadApiKey", False),
        ({"kind": "message", "message": "bad_symbol"}, "UnknownSymbol", False),
        ({"kind": "message", "message": "sample"}, "SampleData", False),
    ],
    ids=lambda value: value.get("message", value["kind"]) if isinstance(value, dict) else None,
)
def test_one_symbol_failing_does_not_lose_the_others(
    task_environment: dict[str, str],
    simulator: httpx.Client,
    live_topic: Any,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    words: str,
    may_pass: bool,
    minute: Callable[[int], datetime],
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD,ETHUSD")
    start_at({"BTCUSD": minute(4), "ETHUSD": minute(4)})
    simulator.post("/admin/faults", json={**fault, "symbol": "ETHUSD"}).raise_for_status()
    caplog.set_level(logging.DEBUG)

    result = poll_source("alpha_vantage", "run")

    assert result.published == 3
    assert {message["symbol"] for message in live_topic.read()} == {"BTCUSD"}
    assert result.failures.keys() == {"ETHUSD"}
    assert words in result.failures["ETHUSD"]
    assert "Next: " in result.failures["ETHUSD"]
    assert result.may_pass is may_pass
    assert watermarks()["ETHUSD"].newest == minute(4)
    assert "CANARY" not in caplog.text + str(result)

    simulator.delete("/admin/faults")
    assert poll_source("alpha_vantage", "next").published == 3
    assert {message["symbol"] for message in live_topic.read()} == {"ETHUSD"}


def test_nothing_is_recorded_unless_kafka_acknowledges_all(
    task_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    minute: Callable[[int], datetime],
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD")
    monkeypatch.setenv(
        "AIRFLOW_CONN_KAFKA_DEFAULT",
        json.dumps({"conn_type": "kafka", "extra": {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}}),
    )
    monkeypatch.setitem(publishing.REQUIRED_SETTINGS, "delivery.timeout.ms", 500)
    monkeypatch.setitem(publishing.REQUIRED_SETTINGS, "socket.timeout.ms", 400)
    start_at({"BTCUSD": minute(4)})
    before = watermarks()

    with pytest.raises(NotAcknowledged, match=r"market\.bars\.v1: 3 messages not acknowledged"):
        poll_source("alpha_vantage", "run")

    assert watermarks() == before


def test_a_topic_that_is_missing_is_an_error(
    task_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, minute: Callable[[int], datetime]
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD")
    monkeypatch.setattr(ingest, "LIVE_TOPIC", "no.such.topic")
    monkeypatch.setitem(publishing.REQUIRED_SETTINGS, "topic.metadata.propagation.max.ms", 500)
    start_at({"BTCUSD": minute(4)})

    with pytest.raises(NotAcknowledged, match=r"no\.such\.topic: 3 messages not acknowledged: .*[Uu]nknown topic"):
        poll_source("alpha_vantage", "run")


def test_two_polls_at_once_are_kept_apart(
    task_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, minute: Callable[[int], datetime]
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD")
    monkeypatch.setattr(ingest, "LOCK_SECONDS", 1)
    start_at({"BTCUSD": minute(4)})
    began = time.monotonic()

    with (
        connect(statement_seconds=5, lock_seconds=5) as other,
        ingest._only_poll_of(other, "alpha_vantage"),
        pytest.raises(AnotherPollRunning, match="Next: nothing once"),
    ):
        poll_source("alpha_vantage", "run")

    assert 0.9 < time.monotonic() - began < 4
    # The lock went with its connection.
    assert poll_source("alpha_vantage", "run").published == 3


def test_first_fetches_that_begin_too_late_are_left_to_the_next_run(
    task_environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    minute: Callable[[int], datetime],
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD,LTCUSD")
    monkeypatch.setattr(ingest, "BEGIN_FIRST_FETCH_WITHIN_SECONDS", -1)
    start_at({"BTCUSD": minute(4)})

    result = poll_source("alpha_vantage", "run")

    assert (result.published, result.deferred, result.failures) == (3, ["LTCUSD"], {})


def test_the_key_is_in_no_output_no_message_and_no_row(
    task_environment: dict[str, str],
    simulator: httpx.Client,
    live_topic: Any,
    tmp_path: Path,
    minute: Callable[[int], datetime],
) -> None:
    start_at({"BTCUSD": minute(4), "ETHUSD": minute(4)})
    simulator.post("/admin/faults", json={"kind": "message", "message": "daily_budget", "symbol": "ETHUSD"})
    # Airflow itself, every logger at its most talkative, and what leaks through exceptions.
    script = (
        "import logging; logging.basicConfig(level=logging.DEBUG)\n"
        "import airflow.sdk.execution_time.task_runner\n"
        "logging.getLogger().setLevel(logging.DEBUG)\n"
        "from marketpulse.ingest import poll_source\n"
        "from marketpulse.outcome import SymbolsFailed\n"
        "result = poll_source('alpha_vantage', 'canary')\n"
        "print(result)\n"
        "raise SymbolsFailed(result.failures)\n"
    )
    environment = {
        **os.environ,
        **task_environment,
        "PYTHONPATH": str(REPOSITORY / "plugins"),
        "ALPHA_VANTAGE_SYMBOLS": "BTCUSD,ETHUSD",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "DEBUG",
    }

    finished = subprocess.run(
        [sys.executable, "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=120,
    )

    assert "SymbolsFailed: no bars of ETHUSD: DailyBudgetExhausted" in finished.stdout
    assert "published=3" in finished.stdout
    messages = live_topic.read()
    assert len(messages) == 3
    with connect(statement_seconds=5, lock_seconds=5) as connection:
        rows = connection.execute("SELECT * FROM ops.source_watermarks").fetchall()
    for text in (finished.stdout, str(messages), str(rows)):
        assert "CANARY" not in text
