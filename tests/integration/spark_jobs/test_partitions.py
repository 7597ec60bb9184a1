"""Partitions that are added later, and symbols that come from a partition that is not theirs."""

from __future__ import annotations

import pytest
from marketpulse_spark.errors import PartitionsDiffer

from tests.integration.spark_jobs.expected import expected, found
from tests.integration.spark_jobs.feed import Feed, bar, fetched
from tests.integration.spark_jobs.warehouse import Warehouse

WRITERS = pytest.mark.parametrize("driver_messages", [10_000, 0], ids=["driver", "executors"])


@WRITERS
def test_new_partitions_are_read_from_their_first_offset(
    feed: Feed, warehouse: Warehouse, driver_messages: int
) -> None:
    early = [bar(number, str(number + 1), symbol=symbol) for number in range(9) for symbol in ("MSFT", "IBM", "BTCUSD")]
    feed.publish(early)
    feed.load(driver_messages=driver_messages)
    feed.grow(feed.live, 3)
    with pytest.raises(PartitionsDiffer, match=r"load-refused\.md"):
        feed.load(driver_messages=driver_messages)
    feed.grow(feed.backfill, 3)
    feed.grow(feed.actions, 3)
    late = [bar(number, str(number + 1)) for number in range(9, 20)]
    feed.publish(late, partition=2)
    feed.load(driver_messages=driver_messages)
    assert found(warehouse) == expected(early + late)
    assert warehouse.rows(
        "SELECT next_offset FROM ops.kafka_offsets WHERE partition = 2 ORDER BY topic = %s DESC", feed.live
    ) == [(11,), (0,), (0,)]
    warehouse.assert_counts_agree()


@WRITERS
def test_symbol_that_waits_in_two_partitions(feed: Feed, warehouse: Warehouse, driver_messages: int) -> None:
    """With more partitions a key moves to another one, while its older messages still wait where they were."""
    old = [bar(number, f"{100 + number}", fetched_at=fetched(1)) for number in range(80)]
    new = [bar(number, f"{50 + number}", fetched_at=fetched(2)) for number in range(70, 150)]
    other = [bar(number, "5", symbol="IBM") for number in range(30)]
    feed.publish(old, partition=0)
    feed.publish(new, partition=1)
    feed.publish(old[:10], partition=1, backfill=True)
    feed.publish(other)
    feed.load(driver_messages=driver_messages)
    assert found(warehouse) == expected(old + new + other)
    warehouse.assert_counts_agree()
    late = [bar(75, f"{close}", fetched_at=fetched(9 + close)) for close in (1, 2)]
    feed.publish(late[:1], partition=0)
    feed.publish(late[1:], partition=1)
    feed.load(driver_messages=driver_messages)
    assert found(warehouse) == expected(old + new + other + late)
