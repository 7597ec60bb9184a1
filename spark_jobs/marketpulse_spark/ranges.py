"""What came of the messages of a range, counted as they are written."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from marketpulse_spark.errors import RangeIncomplete
from marketpulse_spark.ledger import OffsetRange


@dataclass(frozen=True)
class RangeCount:
    """What came of the messages of one range: messages = dead_letters + duplicates + applied.

    Attributes:
        slowest_at: Of the live message that was under way for longest (`slowest`): when it had happened, and after that
            when it was fetched and when Kafka had it. None where no message is live.
    """

    range: OffsetRange
    messages: int
    dead_letters: int
    duplicates: int
    applied: int
    newest_bar: dt.datetime | None
    slowest_at: dt.datetime | None = None
    slowest_fetched_at: dt.datetime | None = None
    slowest_kafka_ts: dt.datetime | None = None


def count_ranges(messages: pa.Table, applied: Sequence[int], filled: Sequence[OffsetRange]) -> list[RangeCount]:
    """Counts the messages of each range.

    Args:
        messages: Place and `reason` of all messages; of bars their `ts`, too, which is null for a dead letter.
        applied: How many of each range became versions.
        filled: The ranges, none of them empty.

    Raises:
        RangeIncomplete: The messages are not exactly those of the ranges.
    """
    counts = []
    for each, versions in zip(filled, applied, strict=True):
        read = within(messages, each, filled)
        _check_complete(read, each)
        dead_letters = read.num_rows - read["reason"].null_count
        newest = pc.max(read["ts"]).as_py() if "ts" in read.schema.names else None
        duplicates = read.num_rows - dead_letters - versions
        counts.append(RangeCount(each, read.num_rows, dead_letters, duplicates, versions, newest))
    return counts


def within(rows: pa.Table, place: OffsetRange, filled: Sequence[OffsetRange]) -> pa.Table:
    """The rows of one of the ranges that are filled."""
    if len(filled) == 1:
        return rows
    return rows.filter(pc.and_(pc.equal(rows["topic"], place.topic), pc.equal(rows["partition"], place.partition)))


def _check_complete(read: pa.Table, place: OffsetRange) -> None:
    """Makes sure that each offset of the range was read; that none was read twice, the raw tables see to."""
    span = pc.min_max(read["kafka_offset"]).as_py()
    if read.num_rows != len(place) or span != {"min": place.start, "max": place.end - 1}:
        raise RangeIncomplete(
            f"{place.topic}[{place.partition}]: planned {len(place)} messages, offsets {place.start} to "
            f"{place.end - 1}, but read {read.num_rows}, offsets {span['min']} to {span['max']}. These topics take "
            "no transactional producer and no compaction; otherwise the next run tries again."
        )
