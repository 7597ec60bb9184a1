from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from marketpulse import sessions
from marketpulse.config import ConfigError, Instrument
from marketpulse.sessions import Session, is_due, load_sessions
from marketpulse.watermarks import Watermark

MSFT = Instrument(symbol="MSFT", name="Microsoft", kind="equity", calendar="XNYS", currency="USD", tick=Decimal("0.01"))
BTCUSD = Instrument(
    symbol="BTCUSD", name="Bitcoin", kind="crypto", calendar="24/7", currency="USD", tick=Decimal("0.01")
)
# The Friday before Thanksgiving week 2026: New York trades from 09:00 to 01:00 UTC, extended hours included.
FRIDAY_CLOSE = datetime(2026, 11, 21, 1, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One cache for the module: computing sessions takes seconds."""
    home = tmp_path_factory.getbasetemp() / "sessions"
    monkeypatch.setenv("MARKETPULSE_HOME", str(home))
    return home


def known(asked_at: datetime | None) -> Watermark:
    return Watermark(FRIDAY_CLOSE, {}, asked_at)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-20T08:59", False),
        ("2026-11-20T09:00", True),
        ("2026-11-20T15:00", True),
        ("2026-11-21T00:59", True),
        # The last bar is complete at the close itself.
        ("2026-11-21T01:01", True),
        ("2026-11-21T01:05", False),
        ("2026-11-22T15:00", False),
        # Thanksgiving, and the half day after it.
        ("2026-11-26T15:00", False),
        ("2026-11-27T15:00", True),
        # The clocks changed on 1 November: an hour earlier in October.
        ("2026-10-30T08:00", True),
        ("2026-11-02T08:00", False),
    ],
)
def test_equities_are_due_in_extended_hours_of_session_days(now: str, due: bool) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert is_due(MSFT, known(asked_at=at - timedelta(minutes=1)), at) is due


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-20T14:29", False),
        ("2026-11-20T14:30", True),
        ("2026-11-20T21:01", True),
        ("2026-11-20T21:05", False),
        # The half day after Thanksgiving.
        ("2026-11-27T18:01", True),
        ("2026-11-27T18:05", False),
    ],
)
def test_equities_may_be_due_in_regular_hours_only(now: str, due: bool) -> None:
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)

    assert is_due(MSFT, known(asked_at=at - timedelta(minutes=1)), at, poll="regular") is due
    # The hours of the other sources are remembered apart.
    assert is_due(MSFT, known(asked_at=at - timedelta(minutes=1)), at)


def test_one_poll_after_the_close_for_stragglers() -> None:
    soon = FRIDAY_CLOSE + sessions.STRAGGLERS_AFTER

    assert is_due(MSFT, known(asked_at=FRIDAY_CLOSE + timedelta(minutes=1)), soon)
    assert not is_due(MSFT, known(asked_at=soon + timedelta(seconds=2)), soon + timedelta(minutes=1))


def test_an_outage_over_the_close_is_made_up_for_on_the_weekend() -> None:
    sunday = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    assert is_due(MSFT, known(asked_at=datetime(2026, 11, 20, 18, 0, tzinfo=UTC)), sunday)
    assert is_due(MSFT, known(asked_at=None), sunday)


@pytest.mark.parametrize("poll", ["session", "always"])
def test_crypto_and_first_fetches_are_always_due(poll: str) -> None:
    sunday = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

    assert is_due(BTCUSD, known(asked_at=sunday), sunday, poll=poll)
    assert is_due(MSFT, None, sunday, poll=poll)
    assert is_due(MSFT, known(asked_at=sunday), sunday, poll=poll) is (poll == "always")


def test_the_cache_spares_the_slow_import(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime(2026, 11, 20, 15, tzinfo=UTC)
    first = load_sessions("XNYS", now)

    def refuse(calendar: str, now: datetime, *, extended: bool) -> tuple[Session, ...]:
        raise AssertionError("computed again")

    monkeypatch.setattr(sessions, "compute_sessions", refuse)
    assert load_sessions("XNYS", now + timedelta(days=30)) == first
    with pytest.raises(AssertionError, match="computed again"):
        load_sessions("XNYS", now + timedelta(days=170))


def test_a_damaged_cache_is_written_anew(home: Path, caplog: pytest.LogCaptureFixture) -> None:
    now = datetime(2026, 11, 20, 15, tzinfo=UTC)
    load_sessions("XNYS", now)
    (path,) = (home / "cache").glob("sessions-XNYS-*.json")
    path.write_text("[[1, 2")

    repaired = load_sessions("XNYS", now)

    assert Session(FRIDAY_CLOSE - timedelta(hours=16), FRIDAY_CLOSE) in repaired
    assert len(json.loads(path.read_text())) == len(repaired)
    assert "unreadable" in caplog.text


def test_an_unknown_calendar_names_the_file() -> None:
    with pytest.raises(ConfigError, match=r"config/instruments\.yml.*no calendar XXXX.*Fix"):
        load_sessions("XXXX", datetime(2026, 11, 20, tzinfo=UTC))
