"""Since when bars are owed: what a poll tells of the markets of its source."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from marketpulse.ingest import poll_source

from tests.sent_metrics import sent_lines

NOW = datetime.now(UTC).replace(microsecond=0)
MIDNIGHT = NOW.replace(hour=0, minute=0, second=0)
#: This module is read when the run of all tests begins, which may be many minutes before its own turn.
LUNCH = timedelta(hours=2)


def _openings(receiver: socket.socket) -> dict[str, float]:
    """Calendar to the newest value of its gauge."""
    gauges = [line.removesuffix("|g").rsplit(":", 1) for line in sent_lines(receiver) if "market_opened" in line]
    return {name.split("calendar=")[1].split(",")[0]: float(value) for name, value in gauges}


@pytest.fixture
def sessions(owner_dsn: str) -> None:
    """Crypto trades day after day; New York has opened an hour ago and closes for lunch in two."""
    days = [(MIDNIGHT + timedelta(days=each)) for each in (-1, 0, 1)]
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE market.sessions")
        for day in days:
            connection.execute(
                "INSERT INTO market.sessions VALUES ('24/7', %s, tstzmultirange(tstzrange(%s, %s)))",
                (day.date(), day, day + timedelta(days=1)),
            )
        connection.execute(
            "INSERT INTO market.sessions VALUES ('XNYS', %s, tstzmultirange(tstzrange(%s, %s), tstzrange(%s, %s)))",
            (
                NOW.date(),
                NOW - timedelta(hours=1),
                NOW + LUNCH,
                NOW + LUNCH + timedelta(hours=1),
                NOW + LUNCH + timedelta(hours=2),
            ),
        )


@pytest.mark.usefixtures("sessions", "task_environment")
def test_open_markets_are_told_with_their_opening(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch, owner_dsn: str
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_POLL", "regular")
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD,IBM")

    poll_source("alpha_vantage", "test")
    opened = _openings(receiver)
    # Sessions that meet at midnight are one; the lunch break is none of New York's hours.
    assert opened == {"24/7": days_ago(1), "XNYS": (NOW - timedelta(hours=1)).timestamp()}

    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(
            "UPDATE market.sessions SET hours = hours - tstzmultirange(tstzrange(%s, %s)) WHERE calendar = 'XNYS'",
            (NOW - timedelta(minutes=30), NOW + LUNCH),
        )
    poll_source("alpha_vantage", "test")
    assert _openings(receiver) == {"24/7": days_ago(1), "XNYS": 0.0}


@pytest.mark.usefixtures("sessions", "task_environment")
def test_a_source_that_is_polled_at_any_hour_owes_nothing(
    receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", "BTCUSD")
    poll_source("alpha_vantage", "test")
    assert _openings(receiver) == {}


def days_ago(count: int) -> float:
    return (MIDNIGHT - timedelta(days=count)).timestamp()
