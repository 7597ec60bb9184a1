"""Write `config/instruments.yml` into `market.instruments`, and the portfolios that are made of them.

Also computes the sessions of each instrument's calendar, so that no poll waits for that. Exit status 1, and nothing
changed, when an instrument with bars is no longer listed, a calendar is not known or a portfolio breaks a rule.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import UTC, datetime

import psycopg

from marketpulse.calendars import ALWAYS_OPEN
from marketpulse.config import INSTRUMENTS_FILE, Instrument, load_instruments
from marketpulse.errors import MarketPulseError
from marketpulse.portfolios import load_portfolios
from marketpulse.sessions import load_sessions
from marketpulse.sync_portfolios import sync_portfolios
from marketpulse.warehouse import connect, sql


class InstrumentInUse(MarketPulseError):
    """An instrument is no longer configured, and its bars are still stored."""


def sync_instruments(connection: psycopg.Connection, instruments: Mapping[str, Instrument]) -> tuple[int, int]:
    """Make `market.instruments` equal to the configuration, in one transaction.

    Returns:
        How many rows were added or changed, and how many deleted.

    Raises:
        InstrumentInUse: An unlisted instrument has bars; nothing is changed.
    """
    with connection.transaction(), connection.cursor() as cursor:
        unlisted = cursor.execute(sql("market/instruments/unlisted.sql"), {"listed": list(instruments)}).fetchall()
        in_use = [symbol for symbol, has_bars in unlisted if has_bars]
        if in_use:
            raise InstrumentInUse(
                f"{INSTRUMENTS_FILE}: {', '.join(in_use)} is missing, and market.bars_1m has bars of it. "
                "Next: list it again; to stop polling it, remove it from the symbols in config/sources.yml."
            )
        gone = [symbol for symbol, _ in unlisted]
        cursor.execute(sql("market/instruments/delete.sql"), {"symbols": gone})
        cursor.executemany(
            sql("market/instruments/upsert.sql"), [instrument.model_dump() for instrument in instruments.values()]
        )
        return cursor.rowcount, len(gone)


def main() -> int:
    """Sync; returns the exit status."""
    try:
        instruments = load_instruments()
        portfolios = load_portfolios(instruments)
        for calendar in {instrument.calendar for instrument in instruments.values()} - {ALWAYS_OPEN}:
            load_sessions(calendar, datetime.now(UTC))
        with connect(statement_seconds=10, lock_seconds=5) as connection:
            changed, deleted = sync_instruments(connection, instruments)
            in_portfolios = sync_portfolios(connection, portfolios)
    except (MarketPulseError, psycopg.OperationalError) as error:
        sys.stderr.write(f"sync-instruments: {error}\n")
        return 1
    sys.stdout.write(f"{len(instruments)} instruments: {changed} added or changed, {deleted} deleted\n")
    sys.stdout.write(f"{len(portfolios)} portfolios: {in_portfolios} rows changed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
