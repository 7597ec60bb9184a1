"""Planning from the ledger, and every reason not to."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marketpulse_spark import errors
from marketpulse_spark.broker import TopicState
from marketpulse_spark.ledger import LedgerRow, OffsetRange, Plan, check, missing_rows, plan

LIVE, BACKFILL = "live", "backfill"
#: Messages that wait in each partition of a topic.
Waiting = dict[int, int]


def state(topic: str, waiting: Waiting, start: int = 100) -> TopicState:
    """A topic whose partitions end `waiting` messages after the ledger."""
    ends = {partition: start + messages for partition, messages in waiting.items()}
    return TopicState(topic, "cluster", f"id of {topic}", first=dict.fromkeys(ends, 10), end=ends)


def rows(topic: str, partitions: int = 2, start: int = 100) -> list[LedgerRow]:
    return [LedgerRow(topic, partition, "cluster", f"id of {topic}", start) for partition in range(partitions)]


waiting_messages = st.integers(1, 6).flatmap(
    lambda partitions: st.tuples(
        *(
            st.fixed_dictionaries(
                {partition: st.integers(0, 50) | st.integers(0, 10**6) for partition in range(partitions)}
            )
            for _ in range(2)
        )
    )
)


@given(waiting_messages, st.integers(1, 120) | st.integers(1, 10**6))
def test_plan_fills_the_limit_live_first_from_the_ledger_on(waiting: tuple[Waiting, Waiting], limit: int) -> None:
    live, backfill = waiting
    ledger = [*rows(LIVE, len(live)), *rows(BACKFILL, len(backfill))]
    made = plan(ledger, [state(LIVE, live), state(BACKFILL, backfill)], limit)
    total = sum(live.values()) + sum(backfill.values())
    assert made.messages == min(limit, total)
    assert made.behind == total - made.messages
    assert [(each.topic, each.partition) for each in made.ranges] == [
        *((LIVE, partition) for partition in sorted(live)),
        *((BACKFILL, partition) for partition in sorted(backfill)),
    ]
    for each in made.ranges:
        source = live if each.topic == LIVE else backfill
        assert each.start == 100, "no gap after the ledger"
        assert each.start <= each.end <= 100 + source[each.partition]
    taken = {topic: sum(len(each) for each in made.ranges if each.topic == topic) for topic in (LIVE, BACKFILL)}
    assert taken[LIVE] == min(limit, sum(live.values()))
    assert taken[BACKFILL] == 0 or taken[LIVE] == sum(live.values())


@given(waiting_messages, st.integers(1, 200))
def test_a_partition_gets_less_than_another_only_if_it_holds_less(waiting: tuple[Waiting, Waiting], limit: int) -> None:
    live = waiting[0]
    taken = {each.partition: len(each) for each in plan(rows(LIVE, len(live)), [state(LIVE, live)], limit).ranges}
    for one in live:
        for other in live:
            assert taken[one] >= taken[other] - 1 or taken[one] == live[one]


@given(waiting_messages, st.integers(1, 10**5))
def test_batch_after_batch_reads_every_offset_once(waiting: tuple[Waiting, Waiting], limit: int) -> None:
    total = sum(sum(each.values()) for each in waiting)
    limit = max(limit, total // 20)
    topics = [state(topic, each) for topic, each in zip((LIVE, BACKFILL), waiting, strict=True)]
    ledger = {(row.topic, row.partition): row for topic in topics for row in rows(topic.topic, len(topic.end))}
    for _ in range(50):
        made = plan(ledger.values(), topics, limit)
        if not made.messages:
            break
        for each in made.ranges:
            row = ledger[each.topic, each.partition]
            assert row.next_offset == each.start
            ledger[each.topic, each.partition] = dataclasses.replace(row, next_offset=each.end)
    assert made.behind == made.messages == 0
    for topic in topics:
        assert {partition: ledger[topic.topic, partition].next_offset for partition in topic.end} == topic.end


def test_plan_groups_ranges_by_partition() -> None:
    made = plan([*rows(LIVE), *rows(BACKFILL)], [state(LIVE, {0: 5, 1: 0}), state(BACKFILL, {0: 0, 1: 7})], 100)
    assert made.of_partition(1) == (OffsetRange(LIVE, 1, 100, 100), OffsetRange(BACKFILL, 1, 100, 107))
    assert plan([*rows(LIVE)], [state(LIVE, {0: 0, 1: 0})], 100) == Plan(
        (OffsetRange(LIVE, 0, 100, 100), OffsetRange(LIVE, 1, 100, 100)), behind=0
    )


@pytest.mark.parametrize(
    ("live", "history", "few", "expected"),
    [
        ({0: 5, 1: 0}, {0: 0, 1: 7}, 5, [5, 0, 0, 0]),
        ({0: 5, 1: 1}, {0: 0, 1: 7}, 5, [5, 1, 0, 7]),
        ({0: 0, 1: 0}, {0: 3, 1: 7}, 5, [0, 0, 3, 7]),
        ({0: 2, 1: 0}, {0: 0, 1: 0}, 5, [2, 0, 0, 0]),
    ],
    ids=["few", "more than few", "none", "no history"],
)
def test_few_live_messages_are_a_batch_of_their_own(
    live: dict[int, int], history: dict[int, int], few: int, expected: list[int]
) -> None:
    made = plan([*rows(LIVE), *rows(BACKFILL)], [state(LIVE, live), state(BACKFILL, history)], 100)
    ahead = made.ahead_of(BACKFILL, few)
    assert [len(each) for each in ahead.ranges] == expected
    assert [(each.topic, each.partition, each.start) for each in ahead.ranges] == [
        (each.topic, each.partition, each.start) for each in made.ranges
    ]
    assert ahead.messages + ahead.behind == made.messages + made.behind


def test_new_partitions_start_at_their_first_offset() -> None:
    grown = TopicState(LIVE, "cluster", "id of live", first={0: 40, 1: 0, 2: 7}, end={0: 200, 1: 100, 2: 9})
    assert missing_rows(rows(LIVE), [grown]) == [LedgerRow(LIVE, 2, "cluster", "id of live", 7)]
    assert [row.next_offset for row in missing_rows([], [grown])] == [40, 0, 7]
    assert missing_rows([*rows(LIVE, 3), *rows(BACKFILL)], [grown]) == []


GOOD = TopicState(LIVE, "cluster", "id of live", first={0: 10, 1: 10}, end={0: 150, 1: 100})


@pytest.mark.parametrize(
    ("found", "refusal", "words"),
    [
        (dataclasses.replace(GOOD, topic_id="another"), errors.TopicRecreated, "another"),
        (dataclasses.replace(GOOD, cluster_id="another"), errors.ClusterChanged, "another"),
        # A new cluster has new topics: the cluster is the cause to name.
        (dataclasses.replace(GOOD, cluster_id="another", topic_id="x"), errors.ClusterChanged, "another"),
        (dataclasses.replace(GOOD, end={0: 150, 1: 99}), errors.TopicTruncated, r"live\[1\].*100.*99"),
        (dataclasses.replace(GOOD, first={0: 0}, end={0: 150}), errors.TopicTruncated, r"live\[1\].*no such partition"),
        (dataclasses.replace(GOOD, first={0: 101, 1: 10}), errors.RetentionPassedLedger, r"live\[0\].*100 to 100"),
        (dataclasses.replace(GOOD, first={0: 150, 1: 10}), errors.RetentionPassedLedger, r"live\[0\].*100 to 149"),
    ],
)
def test_refusals(found: TopicState, refusal: type[errors.LoadRefused], words: str) -> None:
    with pytest.raises(refusal, match=words) as raised:
        check(rows(LIVE), [found])
    assert "docs/runbooks/load-refused.md" in str(raised.value)


def test_unequal_partition_counts_are_refused() -> None:
    topics = [state(LIVE, {0: 1, 1: 1}), state(BACKFILL, {0: 1, 1: 1, 2: 1})]
    with pytest.raises(errors.PartitionsDiffer, match="'live': 2, 'backfill': 3"):
        check([], topics)


def test_what_is_in_order_is_not_refused() -> None:
    check(rows(LIVE), [GOOD])
    check([], [GOOD])
    check(rows(LIVE), [dataclasses.replace(GOOD, first={0: 100, 1: 100}, end={0: 100, 1: 100})])
    check([*rows(LIVE), LedgerRow("a topic of another dataset", 0, "cluster", "x", 5)], [GOOD])
    check(rows(LIVE), [dataclasses.replace(GOOD, first={0: 10, 1: 10, 2: 0}, end={0: 150, 1: 100, 2: 3})])
