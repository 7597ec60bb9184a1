"""Last trades of the real simulator beside bars in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import psycopg
import pytest
from marketpulse.quote_checks import check_quotes
from marketpulse.sessions import load_sessions

from tests.integration.plugins.changed_project import project_with
from tests.integration.plugins.conftest import CANARY
from tests.integration.plugins.simulated_vendor import run_simulator
from tests.integration.plugins.stored_bars import MINUTE, rows, store_messages
from tests.local_stack import free_ports

NEW_YORK = ZoneInfo("America/New_York")
FIELDS = ("open", "high", "low", "close", "volume")


@pytest.fixture
def opens(task_environment: dict[str, str]) -> datetime:
    """When the last session that is over began."""
    now = datetime.now(UTC)
    return max(each.opens for each in load_sessions("XNYS", now, extended=False) if each.closes < now)


@pytest.fixture
def vendor(
    opens: datetime, instruments: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.Client]:
    """A simulator whose clock stands there, until the test moves it."""
    with run_simulator(free_ports(1)[0], tmp_path / "simulator.log", SIM_CLOCK_START=opens.isoformat()) as client:
        settings = {"BASE_URL": f"{client.base_url}/api/v1", "API_KEY": CANARY, "SYMBOLS": "AAPL,IBM"}
        for name, value in settings.items():
            monkeypatch.setenv(f"FINNHUB_{name}", value)
        monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "AAPL,IBM")
        yield client


def move_on(vendor: httpx.Client, minutes: float) -> None:
    vendor.post("/admin/clock/advance", json={"minutes": minutes}).raise_for_status()


@pytest.fixture
def now(vendor: httpx.Client, opens: datetime) -> datetime:
    """Three hours into the session, a third of a minute into a minute: so the vendor's clock shows."""
    move_on(vendor, 180 + 1 / 3)
    return opens + timedelta(minutes=180, seconds=20)


def load(vendor: httpx.Client, symbol: str, until: datetime, source: str = "alpha_vantage", off: float = 0) -> None:
    """Stores the vendor's newest bars that had ended by then, their prices moved."""
    query = {"function": "TIME_SERIES_INTRADAY", "symbol": symbol, "interval": "1min", "adjusted": "false"}
    answer: dict[str, Any] = vendor.get("/query", params={**query, "apikey": CANARY}).json()
    messages = []
    for local, row in answer["Time Series (1min)"].items():
        ts = datetime.fromisoformat(local).replace(tzinfo=NEW_YORK)
        if ts + MINUTE <= until:
            values = dict(zip(FIELDS, (str(float(value) + off) for value in row.values()), strict=True))
            key = {"symbol": symbol, "source": source, "ts": ts.isoformat()}
            messages.append({**key, **values, "fetched_at": "2020-01-01"})
    store_messages(messages)


def halt(vendor: httpx.Client, symbol: str, at: datetime, minutes: int = 60) -> None:
    fault = {"kind": "halt", "symbol": symbol, "at": at.isoformat(), "halt_minutes": minutes}
    vendor.post("/admin/faults", json=fault).raise_for_status()


def states() -> dict[tuple[str, str], str]:
    found = rows("SELECT symbol, bar_source, state FROM reports.quote_checks WHERE quote_source = 'finnhub'")
    return {(symbol, source): state for symbol, source, state in found}


def test_the_newest_bar_and_a_later_trade_agree(vendor: httpx.Client, now: datetime) -> None:
    load(vendor, "AAPL", now)
    load(vendor, "IBM", now - 4 * MINUTE)

    result = check_quotes("finnhub", now)

    assert (result.asked, result.failures, result.states) == (["AAPL", "IBM"], {}, {"agrees": 2})
    assert states() == {("AAPL", "alpha_vantage"): "agrees", ("IBM", "alpha_vantage"): "agrees"}
    ((price, traded_at, bar_ts, close, checked_at),) = rows(
        "SELECT price, traded_at, bar_ts, bar_close, checked_at FROM reports.quote_checks WHERE symbol = 'AAPL'"
    )
    assert (traded_at, bar_ts, checked_at) == (now.replace(second=0), now.replace(second=0) - MINUTE, now)
    assert float(price) == pytest.approx(float(close), rel=0.01)


def test_a_hole_of_ours_is_told_from_a_halt(vendor: httpx.Client, now: datetime) -> None:
    load(vendor, "AAPL", now - 6 * MINUTE)
    halt(vendor, "IBM", now - 20 * MINUTE)
    load(vendor, "IBM", now)

    check_quotes("finnhub", now)

    assert states() == {("AAPL", "alpha_vantage"): "bars_late", ("IBM", "alpha_vantage"): "not_traded"}


def test_a_price_is_compared_with_the_bar_of_its_minute_within_the_tolerance(
    vendor: httpx.Client, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TWELVE_DATA_ENABLED", "true")
    monkeypatch.setenv("COINBASE_ENABLED", "true")
    for symbol in ("AAPL", "IBM"):
        # The last trade is the close of the minute before, whose bar is there.
        halt(vendor, symbol, now)
    load(vendor, "AAPL", now)
    load(vendor, "AAPL", now, "twelve_data", off=5)
    load(vendor, "AAPL", now, "coinbase", off=5)
    load(vendor, "IBM", now, off=0.05)

    result = check_quotes("finnhub", now)

    # Coinbase is not polled for a share, nor Twelve Data for IBM.
    assert states() == {
        ("AAPL", "alpha_vantage"): "agrees",
        ("AAPL", "twelve_data"): "price_differs",
        ("IBM", "alpha_vantage"): "agrees",
    }
    assert result.states == {"agrees": 2, "price_differs": 1}


def test_in_the_first_minutes_of_a_session_nothing_is_late_and_no_old_price_is_compared(
    vendor: httpx.Client, opens: datetime
) -> None:
    # Bars of before the session alone, at prices that are far off.
    load(vendor, "AAPL", opens - 30 * MINUTE, off=5)
    load(vendor, "IBM", opens - 30 * MINUTE, off=5)
    move_on(vendor, 4)
    assert check_quotes("finnhub", opens + 4 * MINUTE).states == {"agrees": 2}
    move_on(vendor, 4)
    assert check_quotes("finnhub", opens + 8 * MINUTE).states == {"bars_late": 2}


def test_delayed_bars_may_be_as_late_as_their_plan_says(
    vendor: httpx.Client, now: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = project_with(tmp_path, "entitlement: realtime", "entitlement: delayed")
    monkeypatch.setenv("MARKETPULSE_ROOT", str(root))
    load(vendor, "AAPL", now - 16 * MINUTE)
    load(vendor, "IBM", now - 21 * MINUTE)

    check_quotes("finnhub", now)

    assert states() == {("AAPL", "alpha_vantage"): "agrees", ("IBM", "alpha_vantage"): "bars_late"}


def test_another_run_replaces_the_state(vendor: httpx.Client, now: datetime, owner_dsn: str) -> None:
    load(vendor, "AAPL", now - 10 * MINUTE)
    assert check_quotes("finnhub", now).states == {"bars_late": 1}
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE market.bars_1m")
    load(vendor, "AAPL", now)

    assert check_quotes("finnhub", now).states == {"agrees": 1}
    assert states() == {("AAPL", "alpha_vantage"): "agrees"}


def test_one_share_failing_does_not_lose_the_others(vendor: httpx.Client, now: datetime) -> None:
    for symbol in ("AAPL", "IBM"):
        load(vendor, symbol, now)
    fault = {"kind": "message", "message": "premium_only", "symbol": "IBM"}
    vendor.post("/admin/faults", json=fault).raise_for_status()

    result = check_quotes("finnhub", now)

    assert "PremiumOnly" in result.failures["IBM"]
    assert states() == {("AAPL", "alpha_vantage"): "agrees"}


def test_nothing_is_asked_while_no_session_is_open(vendor: httpx.Client, opens: datetime) -> None:
    result = check_quotes("finnhub", opens - MINUTE)

    assert (result.asked, result.states, states()) == ([], {}, {})
    assert rows("SELECT * FROM ops.api_budget") == []
