"""Coverage measured in PostgreSQL against counts made in another way."""

from __future__ import annotations

import csv
import gzip
from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from marketpulse.completeness import check_completeness, measure_coverage, sync_sessions
from marketpulse.config import load_instruments, load_sources
from marketpulse.warehouse import connect

from tests.integration.plugins.stored_bars import MINUTE, at, minutes, rows, store

COINBASE = Path(__file__).resolve().parents[4] / "shared/data/bars/coinbase_1min.csv.gz"


def remove(condition: str, owner_dsn: str) -> None:
    import psycopg

    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(f"DELETE FROM market.bars_1m WHERE {condition}".encode())


@pytest.fixture(autouse=True)
def owner_dsn(instruments: None, task_environment: dict[str, str]) -> str:
    """How the owner of the tables connects."""
    return task_environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_owner@")


def test_a_complete_session_and_holes_in_one(owner_dsn: str) -> None:
    store(("MSFT", "alpha_vantage", ts) for ts in minutes("2026-11-27T09:00", "2026-11-27T21:59"))
    check_completeness(at("2026-11-27T22:00"))
    assert rows("SELECT symbol, session, expected, present, missing, missing_at::text FROM ops.coverage") == [
        ("MSFT", date(2026, 11, 27), 210, 210, 0, "{}")
    ]
    (measured_at,) = rows("SELECT measured_at FROM ops.coverage")
    remove("ts BETWEEN '2026-11-27 14:30Z' AND '2026-11-27 14:32Z' OR ts = '2026-11-27 17:59Z'", owner_dsn)
    check_completeness(at("2026-11-27T22:00"))
    found = rows(
        "SELECT present, missing, lower(part), upper(part) FROM ops.coverage, unnest(missing_at) part ORDER BY 3"
    )
    assert found == [
        (206, 4, at("2026-11-27T14:30"), at("2026-11-27T14:33")),
        (206, 4, at("2026-11-27T17:59"), at("2026-11-27T18:00")),
    ]
    assert rows("SELECT measured_at FROM ops.coverage") != [measured_at]


def test_bars_deleted_at_either_end_or_all_of_them_are_missed(owner_dsn: str) -> None:
    store(("BTCEUR", "coinbase", ts) for ts in minutes("2026-05-14T23:50", "2026-05-16T00:09"))
    now = at("2026-05-20T00:00")
    (before,) = check_completeness(now)
    assert (before.expected, before.missing) == (1460, 0)
    remove("ts < '2026-05-15 00:05Z' OR ts >= '2026-05-16'", owner_dsn)
    (after,) = check_completeness(now)
    assert (after.expected, after.missing) == (1460, 25)
    assert rows("SELECT session, missing FROM ops.coverage ORDER BY 1") == [
        (date(2026, 5, 14), 10),
        (date(2026, 5, 15), 5),
        (date(2026, 5, 16), 10),
    ]
    remove("true", owner_dsn)
    (nothing,) = check_completeness(now)
    assert (nothing.expected, nothing.missing) == (1460, 1460)


def test_a_session_that_is_none_any_more_is_owed_no_more() -> None:
    store(("MSFT", "import", ts) for ts in minutes("2026-11-25T15:00", "2026-11-27T16:00"))
    check_completeness(at("2026-11-28T00:00"))
    sources = load_sources(load_instruments())
    with connect(statement_seconds=30, lock_seconds=5) as connection:
        connection.execute("DELETE FROM market.sessions WHERE (calendar, session) = ('XNYS', '2026-11-25')")
        measure_coverage(connection, sources, at("2026-11-28T00:00"))
    assert rows("SELECT session FROM ops.coverage") == [(date(2026, 11, 27),)]


def test_no_bars_are_no_holes() -> None:
    assert check_completeness(at("2026-11-28T00:00")) == []


def test_what_did_not_change_is_left_alone() -> None:
    store(("MSFT", "alpha_vantage", ts) for ts in minutes("2026-11-27T15:00", "2026-11-27T16:00"))
    check_completeness(at("2026-11-27T22:00"))
    before = rows("SELECT xmin::text, t::text FROM ops.coverage t")
    check_completeness(at("2026-11-27T22:30"))
    assert rows("SELECT xmin::text, t::text FROM ops.coverage t") == before


def test_a_polled_source_owes_bars_until_ten_minutes_ago_and_another_until_its_last() -> None:
    store(
        ("BTCUSD", source, ts)
        for source in ("alpha_vantage", "coinbase")
        for ts in minutes("2026-05-15T08:00", "2026-05-15T08:59")
    )
    coverage = check_completeness(at("2026-05-16T00:30:40"))
    assert {each.source: (each.expected, each.present) for each in coverage} == {
        "alpha_vantage": (16 * 60 + 20, 60),
        "coinbase": (60, 60),
    }
    assert rows("SELECT session, expected FROM ops.coverage WHERE source = 'alpha_vantage' ORDER BY 1") == [
        (date(2026, 5, 15), 16 * 60),
        (date(2026, 5, 16), 20),
    ]


def test_sessions_follow_the_calendar() -> None:
    first, last = date(2026, 11, 23), date(2026, 11, 30)
    with connect(statement_seconds=30, lock_seconds=5) as connection:
        sync_sessions(connection, {"XNYS", "XTKS", "24/7"}, first, last)
        assert sync_sessions(connection, {"XNYS", "XTKS", "24/7"}, first, last) == 0
        connection.execute(
            "UPDATE market.sessions SET session = '2026-11-26' WHERE (calendar, session) = ('XNYS', '2026-11-27')"
        )
        assert sync_sessions(connection, {"XNYS"}, first, last) == 2
    counts = rows(
        "SELECT calendar, count(*) FROM market.sessions"
        f" WHERE session BETWEEN '{first}' AND '{last}' GROUP BY 1 ORDER BY 1"
    )
    assert counts == [("24/7", 8), ("XNYS", 5), ("XTKS", 5)]


@pytest.mark.skipif(not COINBASE.exists(), reason=f"real bars are not there: {COINBASE}")
def test_coverage_of_real_bars_equals_a_count_of_the_file() -> None:
    with gzip.open(COINBASE, "rt") as file:
        bars = [(row["symbol"], "coinbase", at(row["ts_utc"][:19])) for row in csv.DictReader(file)]
    store(bars)
    series: dict[str, list[datetime]] = defaultdict(list)
    for symbol, _, ts in bars:
        series[symbol].append(ts)
    wanted = {}
    for symbol, times in series.items():
        present = Counter(ts.date() for ts in times)
        day = min(times).replace(hour=0, minute=0)
        while day <= max(times):
            next_day = day + timedelta(days=1)
            span = min(next_day, max(times) + MINUTE) - max(day, min(times))
            wanted[symbol, day.date()] = (span // MINUTE, present[day.date()])
            day = next_day
    now = max(ts for _, _, ts in bars) + timedelta(days=1)
    with connect(statement_seconds=60, lock_seconds=5) as connection:
        first, last = min(ts for _, _, ts in bars).date(), now.date()
        sync_sessions(connection, {"24/7"}, first, last)
        coverage = measure_coverage(connection, load_sources(load_instruments()), now)
    found = rows("SELECT symbol, session, expected, present FROM ops.coverage")
    assert {(symbol, day): counts for symbol, day, *counts in found} == {
        key: list(counts) for key, counts in wanted.items()
    }
    assert [(each.source, each.present) for each in coverage] == [("coinbase", len(bars))]
    assert coverage[0].expected > coverage[0].present, "the file has real gaps"
    missing = rows(
        "SELECT sum(extract(epoch FROM upper(part) - lower(part)))::int / 60 FROM ops.coverage, unnest(missing_at) part"
    )
    assert missing[0][0] == coverage[0].expected - coverage[0].present
