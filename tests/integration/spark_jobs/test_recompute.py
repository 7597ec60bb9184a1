"""Indicators of bars that were stored before a column was there."""

from __future__ import annotations

import pytest
from marketpulse_spark.errors import LedgerMoved
from marketpulse_spark.recompute import recompute
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.feed import Feed, bar, fetched, split
from tests.integration.spark_jobs.warehouse import Warehouse

_TABLE = "analytics.indicators_1m"


def recompute_all(feed: Feed) -> None:
    recompute(feed.settings, lambda: feed.spark)


def test_what_a_load_overtook_is_not_written(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(bar(number, f"{100 + number}") for number in range(70))
    feed.load()
    warehouse.rows(f"UPDATE {_TABLE} SET rsi_14 = 1")
    before = warehouse.dump(_TABLE, with_versions=True)

    def late() -> SparkSession:
        warehouse.rows("UPDATE ops.kafka_offsets SET next_offset = next_offset + 1 WHERE topic = %s", feed.live)
        return feed.spark

    with pytest.raises(LedgerMoved):
        recompute(feed.settings, late)
    assert warehouse.dump(_TABLE, with_versions=True) == before


def test_all_that_is_missing_or_wrong_is_as_a_load_makes_it_and_nothing_else_is_touched(
    feed: Feed, warehouse: Warehouse
) -> None:
    # Over the end of a month, a gap, two series and a split.
    feed.publish(bar(number, f"{100 + number % 17}") for number in [*range(90), *range(31 * 1440 - 60, 31 * 1440)])
    feed.publish(bar(0, f"{90 + number}", ts=f"2024-04-01T00:{number:02}:00Z") for number in range(30))
    feed.publish(bar(number, f"{50 + number % 7}", symbol="IBM", source="coinbase") for number in range(70))
    feed.publish([bar(number, "90", fetched_at=fetched(1)) for number in (3, 44)])
    feed.publish_actions(split(60, "2"))
    feed.load()
    loaded = warehouse.dump(_TABLE)
    versions = warehouse.dump(_TABLE, with_versions=True)
    recompute_all(feed)
    assert warehouse.dump(_TABLE, with_versions=True) == versions
    warehouse.rows(f"UPDATE {_TABLE} SET ema_12 = NULL, rsi_14 = 1 WHERE symbol = 'MSFT'")
    warehouse.rows(f"DELETE FROM {_TABLE} WHERE symbol = 'IBM'")
    recompute_all(feed)
    assert warehouse.dump(_TABLE) == loaded
    assert warehouse.leftovers() == []
