"""The transaction that commits offset ranges: the ledger first, then what came of their messages, then the counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import adbc_driver_postgresql.dbapi as adbc

from marketpulse_spark import fault_points, warehouse
from marketpulse_spark.errors import LedgerMoved
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.ranges import RangeCount
from marketpulse_spark.settings import DatasetSettings


def commit_ranges(
    ranges: Sequence[OffsetRange],
    batch_id: int,
    settings: DatasetSettings,
    write: Callable[[adbc.Cursor], list[RangeCount]],
    *,
    idle_seconds: int = warehouse.IDLE_IN_TRANSACTION_SECONDS,
) -> list[RangeCount]:
    """Commits ranges and what `write` makes of their messages in one transaction.

    Args:
        ranges: All ranges that the transaction commits; empty ones fence only.
        batch_id: Row of `ops.batches`.
        settings: Where the warehouse is.
        write: Writes the messages within the transaction; returns a count for each range that is not empty.
        idle_seconds: For how long `write` may compute without a word to PostgreSQL.

    Returns:
        What `write` returned; nothing when an earlier attempt at the same ranges had committed them although its answer
        was lost.

    Raises:
        LedgerMoved: Another loader got there first. Nothing was written.
    """
    with warehouse.transaction(settings, idle_seconds=idle_seconds) as connection:
        with connection.cursor() as cursor:
            if not _claim(cursor, ranges):
                return []
            counts = write(cursor)
            fault_points.reach("after_merge")
            _record(cursor, counts, batch_id)
        fault_points.reach("before_commit")
        _commit(connection, ranges, settings)
    fault_points.reach("after_range_commit")
    return counts


def _claim(cursor: adbc.Cursor, ranges: Sequence[OffsetRange]) -> bool:
    """Moves the ledger over the ranges, first of all; false when an earlier attempt has done all of it."""
    refused = [
        each
        for each in ranges
        if not warehouse.fetch(
            cursor,
            "UPDATE ops.kafka_offsets SET next_offset = $1, updated_at = clock_timestamp()"
            " WHERE topic = $2 AND partition = $3 AND next_offset = $4 RETURNING next_offset",
            [each.end, each.topic, each.partition, each.start],
        )
    ]
    if not refused:
        return True
    if refused == [each for each in ranges if len(each)] and _stands_at_end(cursor, ranges):
        return False
    places = ", ".join(f"{each.topic}[{each.partition}] at {each.start}" for each in refused)
    raise LedgerMoved(f"Another loader moved the ledger of {places}. Nothing was written; the next run goes on.")


def _stands_at_end(cursor: adbc.Cursor, ranges: Sequence[OffsetRange]) -> bool:
    return all(
        warehouse.fetch(
            cursor,
            "SELECT 1 FROM ops.kafka_offsets WHERE topic = $1 AND partition = $2 AND next_offset = $3",
            [each.topic, each.partition, each.end],
        )
        for each in ranges
    )


def _commit(connection: adbc.Connection, ranges: Sequence[OffsetRange], settings: DatasetSettings) -> None:
    """Commits. When the answer is lost, the ledger tells whether the commit was, too."""
    try:
        connection.commit()
    except adbc.Error:
        with warehouse.transaction(settings) as second, second.cursor() as cursor:
            if not _stands_at_end(cursor, ranges):
                raise


def _record(cursor: adbc.Cursor, counts: Sequence[RangeCount], batch_id: int) -> None:
    for count in counts:
        place = count.range
        cursor.execute(
            "INSERT INTO ops.batch_ranges (batch_id, topic, partition, start_offset, end_offset,"
            " messages, dead_letters, duplicates, applied, newest_bar,"
            " slowest_at, slowest_fetched_at, slowest_kafka_ts)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            [
                batch_id,
                place.topic,
                place.partition,
                place.start,
                place.end,
                count.messages,
                count.dead_letters,
                count.duplicates,
                count.applied,
                count.newest_bar,
                count.slowest_at,
                count.slowest_fetched_at,
                count.slowest_kafka_ts,
            ],
        )
