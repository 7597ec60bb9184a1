"""A session day of the simulated vendor, published where it differs from what is stored."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx
import pytest
from marketpulse.backfill import backfill_session
from marketpulse.config import ConfigError

from tests.integration.plugins.conftest import Topic
from tests.integration.plugins.stored_bars import store_messages

# A Friday in summer: 04:00 to 20:00 New York is 08:00 to 24:00 UTC.
DAY = date(2026, 5, 15)
HOLIDAY = date(2026, 5, 25)


@pytest.fixture(autouse=True)
def known(instruments: None) -> None:
    pass


def test_a_session_is_published_once_and_not_again(backfill_topic: Topic) -> None:
    first = backfill_session("alpha_vantage", ["MSFT", "KO"], DAY, "backfill__1", dry_run=False)
    messages = backfill_topic.read()
    assert first.published == first.bars == first.differing == len(messages)
    assert {message["symbol"] for message in messages} == {"MSFT", "KO"}
    times = sorted(datetime.fromisoformat(message["ts"]) for message in messages)
    assert datetime(2026, 5, 15, 8, tzinfo=UTC) <= times[0]
    assert times[-1] < datetime(2026, 5, 16, tzinfo=UTC)
    regular = [message for message in messages if "2026-05-15T13:30" <= message["ts"] < "2026-05-15T20:00"]
    assert len(regular) == 2 * 390

    store_messages(messages)
    again = backfill_session("alpha_vantage", ["MSFT", "KO"], DAY, "backfill__2", dry_run=False)
    assert (again.bars, again.differing, again.published) == (first.bars, 0, 0)
    assert backfill_topic.read() == []


def test_only_what_the_vendor_has_corrected_is_published(simulator: httpx.Client, backfill_topic: Topic) -> None:
    backfill_session("alpha_vantage", ["MSFT"], DAY, "1", dry_run=False)
    store_messages(backfill_topic.read())
    fault = {"kind": "correction", "symbol": "MSFT", "at": "2026-05-15T18:20:00Z"}
    simulator.post("/admin/faults", json=fault).raise_for_status()
    assert backfill_session("alpha_vantage", ["MSFT"], DAY, "2", dry_run=False).published == 1
    assert [message["ts"] for message in backfill_topic.read()] == ["2026-05-15T18:20:00Z"]


def test_a_dry_run_says_what_differs_and_publishes_nothing(backfill_topic: Topic) -> None:
    result = backfill_session("alpha_vantage", ["MSFT"], DAY, "1", dry_run=True)
    assert result.differing == result.bars >= 390
    assert result.published == 0
    assert backfill_topic.read() == []


def test_a_day_without_a_session_asks_nobody(simulator: httpx.Client) -> None:
    simulator.post("/admin/faults", json={"kind": "outage", "minutes": 180}).raise_for_status()
    result = backfill_session("alpha_vantage", ["MSFT", "KO"], HOLIDAY, "1", dry_run=False)
    assert (result.asked, result.bars, result.failures) == ([], 0, {})


def test_a_run_by_schedule_leaves_out_what_was_not_polled_on_that_day(backfill_topic: Topic) -> None:
    bar = {"source": "alpha_vantage", "ts": "2026-05-15T14:00:00Z"}
    bar |= dict.fromkeys(("open", "high", "low", "close", "volume"), "1")
    store_messages(
        [
            {**bar, "symbol": "IBM", "fetched_at": "2026-05-15T14:01:01Z"},
            {**bar, "symbol": "MSFT", "fetched_at": "2026-05-17T14:01:01Z"},
        ]
    )
    result = backfill_session("alpha_vantage", [], DAY, "1", dry_run=True, only_polled=True)
    assert result.asked == ["IBM"]


def test_one_symbol_that_fails_does_not_lose_the_others(simulator: httpx.Client, backfill_topic: Topic) -> None:
    fault = {"kind": "message", "message": "bad_symbol", "symbol": "KO"}
    simulator.post("/admin/faults", json=fault).raise_for_status()
    result = backfill_session("alpha_vantage", ["MSFT", "KO"], DAY, "1", dry_run=False)
    assert {message["symbol"] for message in backfill_topic.read()} == {"MSFT"}
    assert result.failures["KO"].startswith("UnknownSymbol: ")
    assert not result.may_pass


def test_a_day_before_the_vendors_history_is_named() -> None:
    result = backfill_session("alpha_vantage", ["BTCUSD"], DAY, "1", dry_run=True)
    assert result.bars == 0
    assert result.failures["BTCUSD"].startswith("OutOfReach: the vendor answers for no minute before 20")


@pytest.mark.parametrize(
    ("source", "symbols", "message"),
    [
        ("nasdaq", ["MSFT"], "no source named nasdaq"),
        ("import", ["MSFT"], "has no vendor that could be asked"),
        ("alpha_vantage", ["MSFT", "NOPE"], "no symbol NOPE"),
    ],
)
def test_what_cannot_be_asked_is_named_with_its_fix(source: str, symbols: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        backfill_session(source, symbols, DAY, "1", dry_run=True)
