"""When Kafka no longer holds what the ledger counts on, nothing is skipped: a named error, and a way back."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from confluent_kafka import TopicPartition
from marketpulse_spark import errors

from tests.integration.spark_jobs.expected import expected, found
from tests.integration.spark_jobs.feed import Feed, bar, fetched
from tests.integration.spark_jobs.warehouse import LOADED_TABLES, Warehouse

FIRST = [bar(number, f"{100 + number}", fetched_at=fetched(1)) for number in range(20)]
SECOND = [bar(number, f"{200 + number}", fetched_at=fetched(2)) for number in range(15, 40)]


def start_over(feed: Feed, warehouse: Warehouse) -> None:
    feed.delete(feed.live)
    feed.create(feed.live)
    feed.publish(SECOND)


def delete_unloaded(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(SECOND)
    ends = feed.ends(feed.live)
    for future in feed.admin.delete_records([TopicPartition(feed.live, 0, ends[0] - 1), *other(feed, ends)]).values():
        future.result(20)


def other(feed: Feed, ends: dict[int, int]) -> list[TopicPartition]:
    return [TopicPartition(feed.live, partition, end - 1) for partition, end in ends.items() if partition and end]


def lose_the_end(feed: Feed, warehouse: Warehouse) -> None:
    warehouse.rows("UPDATE ops.kafka_offsets SET next_offset = next_offset + 1000 WHERE topic = %s", feed.live)


def move_to_another_cluster(feed: Feed, warehouse: Warehouse) -> None:
    warehouse.rows("UPDATE ops.kafka_offsets SET cluster_id = 'another'")


def remove(feed: Feed, warehouse: Warehouse) -> None:
    feed.delete(feed.live)


def add_partitions_to_one(feed: Feed, warehouse: Warehouse) -> None:
    feed.grow(feed.live, 3)


@pytest.mark.parametrize(
    ("happens", "refusal"),
    [
        (start_over, errors.TopicRecreated),
        (delete_unloaded, errors.RetentionPassedLedger),
        (lose_the_end, errors.TopicTruncated),
        (move_to_another_cluster, errors.ClusterChanged),
        (remove, errors.TopicMissing),
        (add_partitions_to_one, errors.PartitionsDiffer),
    ],
)
def test_load_is_refused_by_name_and_nothing_is_written(
    feed: Feed,
    warehouse: Warehouse,
    happens: Callable[[Feed, Warehouse], None],
    refusal: type[errors.LoadRefused],
) -> None:
    feed.publish(FIRST)
    feed.load()
    happens(feed, warehouse)
    before = warehouse.dump(*LOADED_TABLES, with_versions=True)
    for _ in range(2):
        with pytest.raises(refusal, match=r"See docs/runbooks/load-refused\.md\."):
            feed.load()
    assert warehouse.dump(*LOADED_TABLES, with_versions=True) == before
    assert warehouse.leftovers() == []


@pytest.mark.parametrize("driver_messages", [0, 10_000])
def test_offsets_that_hold_no_message_stop_the_load_by_name(
    feed: Feed, warehouse: Warehouse, driver_messages: int
) -> None:
    """What a transactional producer leaves behind looks like loss, and is never passed over."""
    feed.publish_in_transaction(FIRST)
    for _ in range(2):
        with pytest.raises(errors.RangeIncomplete, match="no transactional producer"):
            feed.load(driver_messages=driver_messages)
    assert warehouse.rows("SELECT count(*) FROM raw.bars") == [(0,)]
    assert warehouse.leftovers() == []


def test_deleting_what_is_loaded_is_not_refused(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(FIRST)
    feed.load()
    loaded = [TopicPartition(feed.live, partition, end) for partition, end in feed.ends(feed.live).items()]
    for future in feed.admin.delete_records(loaded).values():
        future.result(20)
    feed.publish(SECOND)
    feed.load()
    assert found(warehouse) == expected(FIRST + SECOND)
    warehouse.assert_counts_agree()


def test_recreated_topic_is_loaded_from_its_start_once_the_old_one_is_retired(feed: Feed, warehouse: Warehouse) -> None:
    """The same offsets come again, dead letters among them, and neither hides the other."""
    poison = [(b"MSFT", b"nonsense")]
    feed.publish(poison + FIRST)
    feed.load()
    feed.delete(feed.live)
    feed.create(feed.live)
    feed.publish(poison + SECOND)
    with pytest.raises(errors.TopicRecreated):
        feed.load()
    ((kept_as,),) = warehouse.rows("SELECT ops.retire_topic(%s)", feed.live)
    feed.load()
    assert found(warehouse) == expected(FIRST + SECOND)
    warehouse.assert_counts_agree()
    for table, old, new in (("raw.bars", len(FIRST), len(SECOND)), ("ops.dead_letters", 1, 1)):
        assert warehouse.rows(
            f"SELECT count(*) FILTER (WHERE topic = %s), count(*) FILTER (WHERE topic = %s) FROM {table}",
            kept_as,
            feed.live,
        ) == [(old, new)]


def test_truncated_topic_is_read_again_once_retired(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(FIRST)
    feed.load()
    lose_the_end(feed, warehouse)
    before = warehouse.market()
    warehouse.rows("SELECT ops.retire_topic(%s)", feed.live)
    feed.load()
    assert warehouse.market() == before
    warehouse.assert_counts_agree()


def test_retention_that_passed_the_ledger_is_accepted_by_moving_it(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(FIRST)
    feed.load()
    delete_unloaded(feed, warehouse)
    for partition, first in feed.firsts(feed.live).items():
        warehouse.rows(
            "UPDATE ops.kafka_offsets SET next_offset = %s WHERE topic = %s AND partition = %s AND next_offset < %s",
            first,
            feed.live,
            partition,
            first,
        )
    feed.load()
    assert found(warehouse)["market.bars_1m"] == expected([*FIRST, SECOND[-1]])["market.bars_1m"]


def test_retiring_waits_for_no_load_and_knows_its_topic(
    feed: Feed, warehouse: Warehouse, environment: dict[str, str]
) -> None:
    with pytest.raises(psycopg.errors.RaiseException, match="The ledger has no topic nonsense"):
        warehouse.rows("SELECT ops.retire_topic('nonsense')")
    with psycopg.connect(environment["MARKETPULSE_WAREHOUSE_DSN"], autocommit=True) as loader:
        loader.execute("SELECT pg_advisory_lock(hashtext('load:bars'))")
        with pytest.raises(psycopg.errors.RaiseException, match="A load is at work"):
            warehouse.rows("SELECT ops.retire_topic(%s)", feed.live)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            loader.execute("SELECT ops.retire_topic('market.bars.v1')")
