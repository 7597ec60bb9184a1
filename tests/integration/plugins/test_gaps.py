"""Holes are found, asked for at the simulated vendor and closed by what PostgreSQL holds."""

from __future__ import annotations

from datetime import datetime, timedelta

import httpx
import pytest
from marketpulse.completeness import check_completeness
from marketpulse.gaps import request_missing

from tests.integration.plugins.conftest import Topic
from tests.integration.plugins.simulated_vendor import SIMULATED_NOW
from tests.integration.plugins.stored_bars import MINUTE, rows, store, store_messages

# The vendor's newest minutes: whole, and settled by the time of the check.
END = SIMULATED_NOW - timedelta(minutes=20)
NOW = END + timedelta(minutes=10)
HOLE = [END - number * MINUTE for number in range(40, 30, -1)]


@pytest.fixture(autouse=True)
def polled(instruments: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD")


def store_all_but(missing: list[datetime], *, source: str = "alpha_vantage", end: datetime = END) -> None:
    """Two hours of bars before `end`."""
    times = [end - number * MINUTE for number in range(120, 0, -1)]
    store(("BTCUSD", source, ts) for ts in times if ts not in missing)


def gaps() -> list[tuple[str, int, int]]:
    """State, minutes found and minutes left of every gap, the oldest first."""
    return rows("SELECT state, ops.count_minutes(minutes), ops.count_minutes(missing_at) FROM ops.gaps ORDER BY gap_id")


def test_a_hole_is_asked_for_and_closes_only_when_its_bars_are_there(backfill_topic: Topic) -> None:
    store_all_but(HOLE)
    check_completeness(NOW)
    assert gaps() == [("open", 10, 10)]

    result = request_missing("alpha_vantage", "manual__1", NOW)
    messages = backfill_topic.read()
    assert result.published == 10
    assert sorted(message["ts"] for message in messages) == [f"{ts:%Y-%m-%dT%H:%M:00Z}" for ts in HOLE]
    assert {(message["source"], message["symbol"], message["run_id"]) for message in messages} == {
        ("alpha_vantage", "BTCUSD", "manual__1")
    }
    check_completeness(NOW)
    assert gaps() == [("requested", 10, 10)]

    store_messages(messages[:4])
    check_completeness(NOW)
    assert gaps() == [("requested", 10, 6)]
    store_messages(messages[4:])
    (coverage,) = check_completeness(NOW)
    assert (coverage.expected, coverage.present, coverage.untraded, coverage.missing) == (120, 120, 0, 0)
    assert gaps() == [("healed", 10, 0)]
    assert rows("SELECT state, missing FROM ops.gap_history ORDER BY at") == [
        ("open", 10),
        ("requested", 10),
        ("requested", 6),
        ("healed", 0),
    ]


def test_an_answer_whose_bars_do_not_arrive_is_asked_for_again_an_hour_later(backfill_topic: Topic) -> None:
    store_all_but(HOLE)
    check_completeness(NOW)
    assert request_missing("alpha_vantage", "1", NOW).published == 10
    assert request_missing("alpha_vantage", "2", NOW + timedelta(minutes=30)).published == 0
    assert request_missing("alpha_vantage", "3", NOW + timedelta(hours=1)).published == 10
    assert request_missing("alpha_vantage", "4", NOW + timedelta(hours=2)).published == 0
    assert [len(backfill_topic.read())] == [20]
    assert rows("SELECT requests FROM ops.gaps") == [(2,)]


def test_minutes_without_trades_are_told_apart_and_remembered(simulator: httpx.Client, backfill_topic: Topic) -> None:
    halted = HOLE[:7]
    fault = {"kind": "halt", "symbol": "BTCUSD", "at": halted[0].isoformat(), "halt_minutes": len(halted)}
    simulator.post("/admin/faults", json=fault).raise_for_status()
    store_all_but(HOLE)
    check_completeness(NOW)
    assert request_missing("alpha_vantage", "1", NOW).published == 3
    store_messages(backfill_topic.read())
    (coverage,) = check_completeness(NOW)
    assert (coverage.expected, coverage.present, coverage.untraded, coverage.missing) == (120, 113, 7, 0)
    assert gaps() == [("healed", 10, 0)]
    assert rows("SELECT lower(minutes), upper(minutes) FROM ops.untraded_minutes") == [(halted[0], halted[-1] + MINUTE)]

    check_completeness(NOW + timedelta(hours=1))
    store([("BTCUSD", "alpha_vantage", halted[0])])
    check_completeness(NOW)
    assert rows("SELECT sum(present), sum(untraded), sum(missing) FROM ops.coverage")[0][:2] == (114, 6)


def test_a_gap_of_which_the_vendor_has_nothing_says_so(simulator: httpx.Client, backfill_topic: Topic) -> None:
    fault = {"kind": "halt", "symbol": "BTCUSD", "at": HOLE[0].isoformat(), "halt_minutes": len(HOLE)}
    simulator.post("/admin/faults", json=fault).raise_for_status()
    store_all_but(HOLE)
    check_completeness(NOW)
    assert request_missing("alpha_vantage", "1", NOW).published == 0
    check_completeness(NOW)
    assert gaps() == [("vendor_has_none", 10, 0)]
    assert backfill_topic.read() == []


def test_a_vendor_that_is_down_is_named_and_asked_again_by_the_next_run(
    simulator: httpx.Client, backfill_topic: Topic
) -> None:
    store_all_but(HOLE)
    check_completeness(NOW)
    simulator.post("/admin/faults", json={"kind": "outage", "minutes": 180}).raise_for_status()
    result = request_missing("alpha_vantage", "1", NOW)
    assert (result.published, list(result.failures), result.may_pass) == (0, ["BTCUSD"], True)
    ((state, detail),) = rows("SELECT state, detail FROM reports.missing_bars")
    assert state == "open"
    assert detail.startswith("VendorUnavailable: HTTP 503")

    simulator.delete("/admin/faults")
    assert request_missing("alpha_vantage", "2", NOW).published == 10
    assert len(backfill_topic.read()) == 10
    assert rows("SELECT state, detail FROM ops.gaps") == [("requested", "")]


def test_what_lies_before_the_vendors_history_stays_missing_and_says_why(backfill_topic: Topic) -> None:
    old = END - timedelta(days=40)
    hole = [old - number * MINUTE for number in range(40, 30, -1)]
    store_all_but(hole, end=old)
    store_all_but([], end=END)
    check_completeness(NOW)
    assert request_missing("alpha_vantage", "1", NOW).published
    details = rows("SELECT detail FROM ops.gaps ORDER BY lower(minutes) LIMIT 1")
    assert details[0][0].startswith("the vendor answers for no minute before ")
    backfill_topic.read()


def test_minutes_found_later_are_a_gap_of_their_own(backfill_topic: Topic, task_environment: dict[str, str]) -> None:
    store_all_but(HOLE)
    check_completeness(NOW)
    request_missing("alpha_vantage", "1", NOW)
    backfill_topic.read()
    check_completeness(NOW + 2 * MINUTE)
    assert gaps() == [("requested", 10, 10), ("open", 2, 2)]


def test_a_source_that_is_not_polled_is_not_asked() -> None:
    store_all_but(HOLE, source="import")
    check_completeness(NOW)
    assert rows("SELECT source, state, minutes, detail FROM reports.missing_bars") == [
        ("import", "open", 10, "nobody is asked: import is not enabled in config/sources.yml")
    ]
