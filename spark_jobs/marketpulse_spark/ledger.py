"""The offset ledger: where the next batch starts, and when it must not start at all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from marketpulse_spark.broker import TopicState
from marketpulse_spark.errors import (
    ClusterChanged,
    PartitionsDiffer,
    RetentionPassedLedger,
    TopicRecreated,
    TopicTruncated,
)


@dataclass(frozen=True)
class LedgerRow:
    """A row of `ops.kafka_offsets`."""

    topic: str
    partition: int
    cluster_id: str
    topic_id: str
    next_offset: int


@dataclass(frozen=True)
class OffsetRange:
    """Messages [start, end) of one partition. Empty ranges stay in a plan: they fence, too."""

    topic: str
    partition: int
    start: int
    end: int

    def __len__(self) -> int:
        return self.end - self.start


@dataclass(frozen=True)
class Plan:
    """What one batch loads: a range for every partition of every topic.

    Attributes:
        ranges: All ranges, empty ones included.
        behind: Messages that stay in Kafka for the next batch.
    """

    ranges: tuple[OffsetRange, ...]
    behind: int

    @property
    def messages(self) -> int:
        """Number of offsets in the batch."""
        return sum(len(each) for each in self.ranges)

    def of_partition(self, partition: int) -> tuple[OffsetRange, ...]:
        """The ranges that one transaction commits: this partition of each topic."""
        return tuple(each for each in self.ranges if each.partition == partition)

    def ahead_of(self, topic: str, few: int) -> Plan:
        """The plan without one topic, which is left for the next batch, where at most so many others are in it."""
        ranges = tuple(replace(each, end=each.start) if each.topic == topic else each for each in self.ranges)
        others = sum(map(len, ranges))
        return Plan(ranges, behind=self.behind + self.messages - others) if 0 < others <= few else self


def missing_rows(ledger: Iterable[LedgerRow], topics: Iterable[TopicState]) -> list[LedgerRow]:
    """Ledger rows for partitions that are new: they start at their first offset."""
    known = {(row.topic, row.partition) for row in ledger}
    return [
        LedgerRow(state.topic, partition, state.cluster_id, state.topic_id, first)
        for state in topics
        for partition, first in state.first.items()
        if (state.topic, partition) not in known
    ]


def check(ledger: Iterable[LedgerRow], topics: Sequence[TopicState]) -> None:
    """Refuses to load when Kafka no longer holds what the ledger counts on.

    Raises:
        ClusterChanged, TopicRecreated, TopicTruncated, RetentionPassedLedger, PartitionsDiffer: see there.
    """
    counts = {state.topic: len(state.end) for state in topics}
    if len(set(counts.values())) > 1:
        raise PartitionsDiffer(f"Topics that are loaded together need equal partition counts, but have {counts}.")
    by_topic = {state.topic: state for state in topics}
    for row in ledger:
        state = by_topic.get(row.topic)
        if state is None:
            continue
        place = f"{row.topic}[{row.partition}]"
        if row.cluster_id != state.cluster_id:
            raise ClusterChanged(
                f"{place}: the ledger counts offsets of cluster {row.cluster_id}, the broker is {state.cluster_id}."
            )
        if row.topic_id != state.topic_id:
            raise TopicRecreated(
                f"{place}: the ledger counts offsets of topic id {row.topic_id}, the broker has {state.topic_id}."
            )
        if row.partition not in state.end or row.next_offset > state.end[row.partition]:
            raise TopicTruncated(
                f"{place}: the ledger's next offset is {row.next_offset}, "
                f"but the topic ends at {state.end.get(row.partition, 'no such partition')}."
            )
        if row.next_offset < state.first[row.partition]:
            raise RetentionPassedLedger(
                f"{place}: offsets {row.next_offset} to {state.first[row.partition] - 1} were deleted unloaded."
            )


def plan(ledger: Iterable[LedgerRow], topics: Sequence[TopicState], limit: int) -> Plan:
    """Plans the next batch: at most `limit` messages, topics filled in the order given.

    Within a topic the limit is shared by its partitions, so that none starves.
    """
    position: Mapping[tuple[str, int], int] = {(row.topic, row.partition): row.next_offset for row in ledger}
    ranges: list[OffsetRange] = []
    room = limit
    total = 0
    for state in topics:
        waiting = {partition: state.end[partition] - position[state.topic, partition] for partition in state.end}
        total += sum(waiting.values())
        taken = _share(waiting, room)
        room -= sum(taken.values())
        for partition in sorted(taken):
            start = position[state.topic, partition]
            ranges.append(OffsetRange(state.topic, partition, start, start + taken[partition]))
    return Plan(tuple(ranges), behind=total - sum(len(each) for each in ranges))


def _share(waiting: Mapping[int, int], room: int) -> dict[int, int]:
    """Splits `room` over the partitions: small ones whole, the rest in equal parts."""
    taken: dict[int, int] = {}
    for done, partition in enumerate(sorted(waiting, key=lambda each: waiting[each])):
        taken[partition] = min(waiting[partition], room // (len(waiting) - done))
        room -= taken[partition]
    return taken
