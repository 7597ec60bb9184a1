"""News of the real simulator, up to Kafka."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import psycopg
import pytest
from marketpulse import publishing
from marketpulse.ingest_news import poll_news
from marketpulse.publishing import NotAcknowledged

from tests.integration.plugins.changed_project import project_with
from tests.integration.plugins.conftest import CANARY
from tests.integration.plugins.governed import a_zone_far_from_midnight
from tests.integration.plugins.simulated_vendor import SIMULATED_NOW, run_simulator
from tests.integration.plugins.stored_bars import rows
from tests.local_stack import free_ports

CONTRACT = json.loads((Path(__file__).parents[3] / "contracts/market.news.v1.json").read_text())
SHARES = ("AAPL", "IBM", "MSFT")


@pytest.fixture
def vendor(task_environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A simulator whose clock stands two days ago, until the test moves it."""
    start = (SIMULATED_NOW - timedelta(days=2)).isoformat()
    with run_simulator(free_ports(1)[0], tmp_path / "simulator.log", SIM_CLOCK_START=start) as client:
        monkeypatch.setenv("ALPHA_VANTAGE_BASE_URL", str(client.base_url))
        yield client


@pytest.fixture
def finnhub(simulator: httpx.Client, task_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> httpx.Client:
    monkeypatch.setenv("FINNHUB_BASE_URL", f"{simulator.base_url}/api/v1")
    monkeypatch.setenv("FINNHUB_API_KEY", CANARY)
    monkeypatch.setenv("FINNHUB_SYMBOLS", ",".join(SHARES))
    return simulator


def article_ids(source: str, own: list[str]) -> set[str]:
    return {hashlib.sha256(f"{source}\n{each}".encode()).hexdigest()[:32] for each in own}


def feed(vendor: httpx.Client, **params: str) -> list[dict[str, Any]]:
    query = {"function": "NEWS_SENTIMENT", "apikey": CANARY, "limit": "1000", **params}
    found: list[dict[str, Any]] = vendor.get("/query", params=query).json()["feed"]
    return found


def published(topic: Any) -> dict[str, dict[str, Any]]:
    """The new messages, by article; each keeps the contract."""
    messages = topic.read()
    for message in messages:
        jsonschema.validate(message, CONTRACT)
    by_id = {message["article_id"]: message for message in messages}
    assert len(by_id) == len(messages)
    return by_id


def test_each_run_publishes_what_came_since_the_last(vendor: httpx.Client, news_topic: Any) -> None:
    known = {row["url"]: row for row in feed(vendor, sort="LATEST")}

    assert poll_news("alpha_vantage", "scheduled__1").published == len(known) == 1000

    first = published(news_topic)
    assert first.keys() == article_ids("alpha_vantage", list(known))
    for message in first.values():
        row = known[message["url"]]
        assert (message["headline"], message["sentiment"]) == (row["title"], str(row["overall_sentiment_score"]))
        named = {each["ticker"]: each["relevance_score"] for each in row["ticker_sentiment"]}
        relevances = {each["symbol"]: each["relevance"] for each in message["tickers"]}
        assert relevances.get("BTCEUR") == relevances.get("BTCUSD") == named.get("CRYPTO:BTC")
        assert {name: value for name, value in relevances.items() if name in named} == {
            name: value for name, value in named.items() if ":" not in name
        }
    assert poll_news("alpha_vantage", "scheduled__2").published == 0

    vendor.post("/admin/clock/advance", json={"minutes": 24 * 60}).raise_for_status()
    later = article_ids("alpha_vantage", [row["url"] for row in feed(vendor) if row["url"] not in known])
    assert len(later) > 20
    assert poll_news("alpha_vantage", "scheduled__3").published == len(later)
    assert published(news_topic).keys() == later
    assert poll_news("alpha_vantage", "scheduled__4").published == 0


def test_what_was_not_recorded_is_published_again(vendor: httpx.Client, news_topic: Any, owner_dsn: str) -> None:
    poll_news("alpha_vantage", "first")
    before = published(news_topic)
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute("DELETE FROM ops.news_watermarks")

    poll_news("alpha_vantage", "second")

    again = published(news_topic)
    volatile = ("fetched_at", "run_id")
    assert [{**each, **dict.fromkeys(volatile)} for each in again.values()] == [
        {**each, **dict.fromkeys(volatile)} for each in before.values()
    ]


def test_without_kafka_nothing_is_recorded(vendor: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = {"bootstrap.servers": "127.0.0.1:1", "log_level": 0}
    monkeypatch.setenv("AIRFLOW_CONN_KAFKA_DEFAULT", json.dumps({"conn_type": "kafka", "extra": nowhere}))
    monkeypatch.setitem(publishing.REQUIRED_SETTINGS, "delivery.timeout.ms", 500)
    monkeypatch.setitem(publishing.REQUIRED_SETTINGS, "socket.timeout.ms", 400)

    with pytest.raises(NotAcknowledged, match=r"market\.news\.v1: 1000 messages not acknowledged"):
        poll_news("alpha_vantage", "run")

    assert rows("SELECT * FROM ops.news_watermarks") == []


def test_an_outage_is_made_up_for(vendor: httpx.Client, news_topic: Any) -> None:
    poll_news("alpha_vantage", "first")
    known = published(news_topic)
    outage = vendor.post("/admin/faults", json={"kind": "http_status", "status": 503}).json()

    down = poll_news("alpha_vantage", "second")

    assert (down.published, list(down.failures), down.may_pass) == (0, ["the whole feed"], True)
    vendor.delete(f"/admin/faults/{outage['id']}").raise_for_status()
    vendor.post("/admin/clock/advance", json={"minutes": 36 * 60}).raise_for_status()
    poll_news("alpha_vantage", "third")
    missed = article_ids("alpha_vantage", [row["url"] for row in feed(vendor)]) - known.keys()
    assert published(news_topic).keys() == missed


def test_a_budget_that_live_bars_need_leaves_news_to_a_later_run(
    vendor: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner_dsn: str
) -> None:
    zone = a_zone_far_from_midnight()
    free_key = f"requests_per_second: 1\n    requests_per_day: 25\n    day_zone: {zone}"
    root = project_with(tmp_path, "requests_per_second: 5", free_key)
    monkeypatch.setenv("MARKETPULSE_ROOT", str(root))
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        today = connection.execute("SELECT (now() AT TIME ZONE %s)::date", (zone,)).fetchone()
        connection.execute("INSERT INTO ops.api_budget (source, day, live) VALUES ('alpha_vantage', %s, 17)", today)

    result = poll_news("alpha_vantage", "run")

    assert (result.deferred, result.failures, result.published) == (["the whole feed"], {}, 0)
    assert rows("SELECT spent FROM ops.api_budget") == [(17,)]


def test_an_article_about_two_shares_is_published_once_about_both(finnhub: httpx.Client, news_topic: Any) -> None:
    day = datetime.now(UTC) - timedelta(days=2)
    span = {"from": f"{day:%Y-%m-%d}", "to": "2099-01-01"}
    about: dict[str, set[str]] = {}
    for share in SHARES:
        params = {"symbol": share, "token": CANARY, **span}
        for row in finnhub.get("/api/v1/company-news", params=params).json():
            about.setdefault(str(row["id"]), set()).add(share)

    assert poll_news("finnhub", "scheduled__1").published == len(about)

    found = published(news_topic)
    assert found.keys() == article_ids("finnhub", list(about))
    tickers = [[each["symbol"] for each in message["tickers"]] for message in found.values()]
    assert sorted(tickers) == sorted(sorted(symbols) for symbols in about.values())
    assert {each["relevance"] for message in found.values() for each in message["tickers"]} == {None}
    assert poll_news("finnhub", "scheduled__2").published == 0


def test_one_share_failing_neither_loses_the_others_nor_is_forgotten(finnhub: httpx.Client, news_topic: Any) -> None:
    fault = {"kind": "message", "message": "premium_only", "symbol": "IBM", "remaining": 1}
    finnhub.post("/admin/faults", json=fault).raise_for_status()

    first = poll_news("finnhub", "scheduled__1")

    assert "PremiumOnly" in first.failures["IBM"]
    without = published(news_topic)
    assert without
    assert not any(each["symbol"] == "IBM" for message in without.values() for each in message["tickers"])
    assert poll_news("finnhub", "scheduled__2").failures == {}
    revised = published(news_topic)
    assert revised
    for message in revised.values():
        assert any(each["symbol"] == "IBM" for each in message["tickers"])
    assert poll_news("finnhub", "scheduled__3").published == 0
