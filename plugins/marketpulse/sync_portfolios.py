"""Write `config/portfolios.yml` into the warehouse, and see whether a day has a session to build."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import psycopg

from marketpulse.completeness import sync_sessions
from marketpulse.config import load_instruments
from marketpulse.portfolios import Portfolio, load_portfolios
from marketpulse.warehouse import connect, sql

# The daily job reads 330 sessions, some 480 days of an exchange, and the next one after any holiday.
BEFORE = timedelta(days=520)
AHEAD = timedelta(days=30)
STATEMENT_SECONDS = 60
LOCK_SECONDS = 10


def sync_portfolios(connection: psycopg.Connection, portfolios: Mapping[str, Portfolio]) -> int:
    """Make the tables equal to the configuration, in one transaction; returns how many rows changed."""
    configured = portfolios.values()
    versions = [(portfolio.id, holdings) for portfolio in configured for holdings in portfolio.holdings]
    held = [
        (name, version.valid_from, symbol, shares)
        for name, version in versions
        for symbol, shares in version.shares.items()
    ]
    parameters: dict[str, dict[str, list[Any]]] = {
        "market/portfolios/merge.sql": {
            "portfolios": [portfolio.id for portfolio in configured],
            "names": [portfolio.name for portfolio in configured],
            "currencies": [portfolio.currency for portfolio in configured],
            "benchmarks": [portfolio.benchmark for portfolio in configured],
        },
        "market/portfolio_versions/merge.sql": {
            "portfolios": [name for name, _ in versions],
            "dates": [version.valid_from for _, version in versions],
            "cash": [version.cash for _, version in versions],
        },
        "market/holdings/merge.sql": {
            "portfolios": [row[0] for row in held],
            "dates": [row[1] for row in held],
            "symbols": [row[2] for row in held],
            "shares": [row[3] for row in held],
        },
    }
    with connection.transaction():
        return sum(connection.execute(sql(file), values).rowcount for file, values in parameters.items())


def prepare_session(session: date) -> list[str]:
    """Bring portfolios and all sessions up to date; returns the calendars that have this one, over by now.

    Raises:
        ConfigError: A setting is wrong.
    """
    instruments = load_instruments()
    portfolios = load_portfolios(instruments)
    calendars = {instrument.calendar for instrument in instruments.values()}
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        sync_portfolios(connection, portfolios)
        sync_sessions(connection, calendars, session - BEFORE, session + AHEAD)
        rows = connection.execute(sql("market/sessions/over.sql"), {"calendars": list(calendars), "session": session})
        return [calendar for (calendar,) in rows]
