"""Bars of one minute from different vendors, compared."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import class_row

from marketpulse import metrics
from marketpulse.bars import BACKFILL_TOPIC, LIVE_TOPIC
from marketpulse.config import load_instruments, load_reconciliation, load_sources
from marketpulse.warehouse import connect, sql

TOPICS = [LIVE_TOPIC, BACKFILL_TOPIC]
STATEMENT_SECONDS = 600
LOCK_SECONDS = 10

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What one comparison found.

    Attributes:
        minutes: Minutes of instruments that were looked at.
        found: Pairs of bars that disagree and were not known to.
        changed: Pairs that still disagree, with other values, or do so again.
        resolved: Pairs that agree now.
    """

    minutes: int
    found: int
    changed: int
    resolved: int


@dataclass(frozen=True, slots=True)
class _Loaded:
    """A row of `ledger.sql`."""

    topic: str
    partition: int
    topic_id: str
    next_offset: int
    compared_with: str
    compared_until: int | None
    is_new: bool


def reconcile_vendors() -> Reconciled:
    """Compare what was loaded since the last comparison, or everything where the rule or a topic is new.

    All of it is one transaction: a run that fails is as if it had not been.

    Raises:
        ConfigError: A setting is wrong.
    """
    sources = load_sources(load_instruments())
    tolerance_ticks = load_reconciliation().tolerance_ticks
    with connect(statement_seconds=STATEMENT_SECONDS, lock_seconds=LOCK_SECONDS) as connection:
        # Of one moment: what the ledger says is loaded, and the bars.
        connection.isolation_level = IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            configured = {"tolerance_ticks": tolerance_ticks, "sources": list(sources)}
            connection.execute(sql("market/bar_disagreements/configure.sql"), configured)
            _collect(connection)
            rows = connection.execute(sql("market/bar_disagreements/merge.sql"), {"tolerance_ticks": tolerance_ticks})
            (reconciled,) = (Reconciled(*row) for row in rows)
        disagreeing = connection.execute(sql("market/bar_disagreements/open.sql")).fetchall()
    for source, other_source, count in disagreeing:
        log.info("%s and %s disagree about %d bars", source, other_source, count)
        metrics.gauge("bars_disagreeing", count, source=source, other_source=other_source)
    return reconciled


def _collect(connection: psycopg.Connection) -> None:
    """Put the minutes to look at into a table of the transaction, and remember that they were."""
    connection.execute("CREATE TEMP TABLE touched (symbol text, ts timestamptz) ON COMMIT DROP")
    with connection.cursor(row_factory=class_row(_Loaded)) as cursor:
        ledger = cursor.execute(sql("market/bar_disagreements/ledger.sql"), {"topics": TOPICS}).fetchall()
        if all(part.compared_until is not None or part.is_new for part in ledger):
            changed = {
                "topics": [part.topic for part in ledger],
                "partitions": [part.partition for part in ledger],
                "starts": [part.compared_until or 0 for part in ledger],
                "ends": [part.next_offset for part in ledger],
            }
            cursor.execute(sql("market/bar_disagreements/collect_changed.sql"), changed)
        else:
            log.info("comparing everything: the rule or a topic is new")
            cursor.execute(sql("market/bar_disagreements/collect_all.sql"))
        cursor.execute("ANALYZE pg_temp.touched")
        cursor.executemany(sql("market/bar_disagreements/remember.sql"), [asdict(part) for part in ledger])
