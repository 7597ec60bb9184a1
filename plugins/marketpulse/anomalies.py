"""Anomalies: what other parts report, and whether there are bars that nobody has looked at."""

from __future__ import annotations

import logging
from datetime import datetime

from marketpulse import metrics
from marketpulse.completeness import AHEAD, BEFORE, sync_sessions
from marketpulse.config import load_instruments
from marketpulse.warehouse import connect, sql

STATEMENT_SECONDS = 120
LOCK_SECONDS = 10

log = logging.getLogger(__name__)


def merge_reported() -> dict[str, int]:
    """Take over holes, halts and disagreeing vendors; returns how many anomalies are new, by kind."""
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        rows = connection.execute(sql("analytics/anomalies/merge_reported.sql")).fetchall()
    found: dict[str, int] = dict(rows)
    for kind, count in found.items():
        log.info("%s: %d new", kind, count)
        metrics.count("anomalies_found", count, kind=kind)
    return found


def find_changed(now: datetime) -> int:
    """How many sessions of a series `detect_anomalies` would look at; makes sure that `market.sessions` knows them.

    Args:
        now: Aware, UTC.

    Raises:
        ConfigError: A setting is wrong.
    """
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        row = connection.execute(sql("analytics/anomalies/oldest_changed.sql")).fetchone()
        if row and row[0]:
            calendars = {instrument.calendar for instrument in load_instruments().values()}
            sync_sessions(connection, calendars, (row[0] - BEFORE).date(), (now + AHEAD).date())
        return len(connection.execute(sql("analytics/anomalies/changed.sql")).fetchall())
