"""Compares what Kafka took with what the database holds. Every difference is a finding; none is tolerated."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import psycopg

from tests.chaos import expectation
from tests.chaos.expectation import Key, Observation, Place, Range
from tests.chaos.loader import loader_processes
from tests.chaos.messages import Message
from tests.chaos.stack import Stack

Connection = psycopg.Connection[tuple[Any, ...]]

_SETTLE_SECONDS = 10
_SHOWN = 3
_FIELDS = ("source", "symbol", "interval", "ts", "open", "high", "low", "close", "volume", "fetched_at", "run_id")
_BAR = "symbol, source, ts, fetched_at, open, high, low, close, volume"
_INDICATORS = (
    "sma_5, sma_20, sma_60, change_1, change_5, change_15, change_60,"
    " change_pct_1, change_pct_5, change_pct_15, change_pct_60"
)
_TABLES = (
    "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition"
    " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"
)


@dataclass
class Findings:
    """What is wrong, by the column of the report; all empty when nothing is."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    ledger: list[str] = field(default_factory=list)
    bars: list[str] = field(default_factory=list)
    indicators: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(vars(self).values())


class Checker:
    """Checks the whole database, each time from its first message on.

    Args:
        stack: The services.
        logs: The folder of the loaders.
    """

    def __init__(self, stack: Stack, logs: Path) -> None:
        self._stack = stack
        self._logs = logs
        with stack.connect() as connection:
            self._tables = {name for (name,) in connection.execute(_TABLES)}

    def check(self, delivered: Mapping[Place, Message]) -> Findings:
        """Compares the database with all messages that were delivered so far."""
        findings = Findings()
        histories = expectation.histories(delivered.values())
        with self._stack.connect() as connection:
            _check_messages(connection, delivered, findings)
            _check_ledger(connection, delivered, self._stack.end_offsets(), findings)
            _check_bars(connection, histories, findings)
            _check_indicators(connection, histories, findings)
            self._check_left_over(connection, findings)
        return findings

    def _check_left_over(self, connection: Connection, findings: Findings) -> None:
        """Nothing of a loader may be left; the server gets a moment to notice that a client is gone."""
        deadline = time.monotonic() + _SETTLE_SECONDS
        while left := self._left_over(connection):
            if time.monotonic() > deadline:
                findings.left_over += left
                return
            time.sleep(0.2)

    def _left_over(self, connection: Connection) -> list[str]:
        questions = {
            "session": "SELECT application_name || ' ' || state FROM pg_stat_activity"
            " WHERE application_name LIKE 'load_bars%' OR state LIKE 'idle in transaction%'",
            "advisory lock": "SELECT classid || ' ' || objid FROM pg_locks WHERE locktype = 'advisory'",
            "prepared transaction": "SELECT gid FROM pg_prepared_xacts",
            "running batch": "SELECT batch_id::text FROM ops.batches WHERE state = 'running'",
        }
        left = [f"{what} {name}" for what, query in questions.items() for (name,) in connection.execute(query.encode())]
        left += [f"table {name}" for (name,) in connection.execute(_TABLES) if name not in self._tables]
        return left + [f"process {pid}" for pid in loader_processes(self._logs)]


def _some(differences: Iterable[Any]) -> list[str]:
    """The first differences, and how many there are."""
    shown = [str(each) for each in differences]
    return [*shown[:_SHOWN], *([f"… {len(shown)} in all"] if len(shown) > _SHOWN else [])]


def _check_messages(connection: Connection, delivered: Mapping[Place, Message], findings: Findings) -> None:
    """Each message is stored once, in raw.bars or as a dead letter, as it was sent."""
    stored: list[tuple[Place, Any]] = []
    columns = ", ".join(_FIELDS)
    for row in connection.execute(f"SELECT topic, partition, kafka_offset, {columns} FROM raw.bars".encode()):
        fields = dict(zip(_FIELDS, row[3:], strict=True))
        fields["ts"] = f"{fields['ts']:%Y-%m-%dT%H:%M:%SZ}"
        fields["fetched_at"] = f"{fields['fetched_at']:%Y-%m-%dT%H:%M:%S.%fZ}"
        stored.append((Place(*row[:3]), fields))
    letters = "SELECT topic, partition, kafka_offset, reason, sha256(payload) FROM ops.dead_letters"
    for row in connection.execute(letters.encode()):
        stored.append((Place(*row[:3]), (row[3], row[4])))
    times = Counter(place for place, _ in stored)
    findings.lost += _some(sorted(delivered.keys() - times.keys()))
    findings.doubled += _some(sorted(place for place, count in times.items() if count > 1))
    findings.doubled += _some(sorted(times.keys() - delivered.keys()))
    findings.lost += _some(
        f"{place} holds {found}, not what was sent ({delivered[place].kind})"
        for place, found in stored
        if place in delivered and found != _as_stored(delivered[place])
    )


def _as_stored(message: Message) -> Any:
    if message.bar is not None:
        return message.bar
    return message.reason, None if message.value is None else hashlib.sha256(message.value).digest()


def _check_ledger(
    connection: Connection,
    delivered: Mapping[Place, Message],
    ends: Mapping[tuple[str, int], int],
    findings: Findings,
) -> None:
    """The ledger stands at the end of Kafka; its ranges follow one another and say what came of each message."""
    sent = Counter((place.topic, place.partition) for place in delivered)
    findings.ledger += _some(f"Kafka ends at {ends[p]}, {sent[p]} were sent to {p}" for p in ends if ends[p] != sent[p])
    ledger = {
        (row[0], row[1]): row[2]
        for row in connection.execute("SELECT topic, partition, next_offset FROM ops.kafka_offsets")
    }
    findings.ledger += _some(f"{p}: ledger {ledger.get(p)}, Kafka {ends[p]}" for p in ends if ledger.get(p) != ends[p])
    rows = connection.execute(
        "SELECT topic, partition, start_offset, end_offset, messages, dead_letters, duplicates, applied, batch_id"
        "  FROM ops.batch_ranges ORDER BY partition, committed_at, topic"
    ).fetchall()
    for place in ends:
        edges = sorted((row[2], row[3]) for row in rows if (row[0], row[1]) == place)
        starts, stops = [start for start, _ in edges], [stop for _, stop in edges]
        if starts != [0, *stops[:-1]] or stops[-1:] != [ends[place]]:
            findings.ledger.append(f"{place}: the ranges are not those of one unbroken line to {ends[place]}: {edges}")
    if findings.ledger or findings.lost:
        return  # Counting needs every message and whole ranges.
    transactions = [[Range(*row[:4]) for row in group] for _, group in groupby(rows, key=lambda row: (row[1], row[8]))]
    outcomes = expectation.applied(transactions, delivered)
    for row in rows:
        committed, counted = Range(*row[:4]), tuple(row[4:8])
        expected = (committed.end - committed.start, *outcomes[committed])
        if counted != expected:
            findings.ledger.append(f"{committed}: messages, dead, duplicates, applied are {counted}, not {expected}")


def _check_bars(connection: Connection, histories: Mapping[Key, list[Observation]], findings: Findings) -> None:
    """market.bars_1m holds the last version of each bar and market.bar_revisions all others, decimal for decimal."""
    current = {(key, history[-1]) for key, history in histories.items()}
    revisions = {(key, each) for key, history in histories.items() for each in history[:-1]}
    for table, expected in (("market.bars_1m", current), ("market.bar_revisions", revisions)):
        rows = connection.execute(f"SELECT {_BAR} FROM {table}".encode())
        found = {(Key(*row[:3]), Observation(*row[3:])) for row in rows}
        findings.bars += [f"{table} misses {each}" for each in _some(expected - found)]
        findings.bars += [f"{table} should not hold {each}" for each in _some(found - expected)]


def _check_indicators(connection: Connection, histories: Mapping[Key, list[Observation]], findings: Findings) -> None:
    """analytics.indicators_1m equals, to the last bit, a computation over all bars at once."""
    expected = expectation.indicators({key: history[-1] for key, history in histories.items()})
    rows = connection.execute(f"SELECT symbol, source, ts, {_INDICATORS} FROM analytics.indicators_1m".encode())
    found = {Key(*row[:3]): row[3:] for row in rows}
    findings.indicators += _some(
        f"{key}: {found.get(key)}, not {expected.get(key)}"
        for key in sorted(expected.keys() | found.keys())
        if found.get(key) != expected.get(key)
    )
