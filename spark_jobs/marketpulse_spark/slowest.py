"""The live message that was under way for longest: the hops of a batch are its (sql/ops/batches/README.md)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc

from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.ranges import RangeCount, within

#: What was fetched later after it had happened is history, by whichever topic it came: a first fetch while a market is
#: closed, a hole that a poll has filled. A bar that is so late has been paged about for ten minutes (BarsStale).
BARS_ARE_LIVE_FOR = dt.timedelta(minutes=15)
#: Asked for every 15 minutes, and listed by vendors a while after they were published.
NEWS_IS_LIVE_FOR = dt.timedelta(hours=1)

_KEPT = ("topic", "partition", "happened_at", "kafka_ts")


def live_messages(
    messages: pa.Table, happened_at: pa.ChunkedArray, answer: Sequence[str], live_for: dt.timedelta
) -> pa.Table:
    """Keeps the newest message of each answer of a vendor: what an answer brings besides is late by our own doing.

    Args:
        messages: Their place, `kafka_ts`, `fetched_at` and the columns of `answer`.
        happened_at: When what each of them tells of had happened.
        answer: Columns that are equal for the messages of one answer, beside `fetched_at`.
        live_for: How old a message was when it was fetched, at the most.

    Returns:
        `topic`, `partition`, `happened_at`, `kafka_ts` and `fetched_at`.
    """
    age = pc.subtract(messages["fetched_at"], happened_at)
    recent = messages.append_column("happened_at", happened_at).filter(
        pc.less_equal(age, pa.scalar(live_for, pa.duration("us")))
    )
    # In order, so that the last is the newest.
    answers = recent.sort_by("happened_at").group_by([*answer, "fetched_at"], use_threads=False)
    newest = answers.aggregate([(name, "last") for name in _KEPT])
    return newest.select([*(f"{name}_last" for name in _KEPT), "fetched_at"]).rename_columns([*_KEPT, "fetched_at"])


def with_slowest(counts: Sequence[RangeCount], live: pa.Table, filled: Sequence[OffsetRange]) -> list[RangeCount]:
    """Adds to each range its slowest live message: of those that happened first, the one that Kafka had last."""
    ordered = live.sort_by([("happened_at", "ascending"), ("kafka_ts", "descending")])
    found = []
    for count in counts:
        for slowest in within(ordered, count.range, filled).slice(0, 1).to_pylist():
            count = replace(
                count,
                slowest_at=slowest["happened_at"],
                slowest_fetched_at=slowest["fetched_at"],
                slowest_kafka_ts=slowest["kafka_ts"],
            )
        found.append(count)
    return found
