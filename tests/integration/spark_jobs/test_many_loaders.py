"""Loaders that meet, stall, come back, and lose their connection at the worst moment."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import adbc_driver_manager
import psycopg
import pytest
from marketpulse_spark.errors import DatasetLocked, LedgerMoved
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.schemas import ACTIONS
from marketpulse_spark.settings import ACTIONS_TOPIC, BACKFILL_TOPIC, LIVE_TOPIC, LoadSettings
from marketpulse_spark.writer import write_ranges

from tests.integration.spark_jobs.expected import expected, found
from tests.integration.spark_jobs.feed import Feed, bar
from tests.integration.spark_jobs.processes import loader_held_at
from tests.integration.spark_jobs.proxy import lossy_proxy
from tests.integration.spark_jobs.warehouse import LOADED_TABLES, Warehouse

BARS = [bar(number, f"{100 + number}", symbol=symbol) for number in range(30) for symbol in ("MSFT", "IBM", "BTCUSD")]


def password(environment: dict[str, str]) -> str:
    lines = Path(environment["PGPASSFILE"]).read_text().splitlines()
    (line,) = [line for line in lines if ":marketpulse_loader:" in line]
    return line.rsplit(":", 1)[1]


def test_two_loaders_at_once_load_everything_once(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(BARS)
    with ThreadPoolExecutor(2) as both:
        for done in [both.submit(feed.load, lock_seconds=60) for _ in range(2)]:
            done.result(120)
    assert found(warehouse) == expected(BARS)
    warehouse.assert_counts_agree()


def test_a_lock_that_is_held_by_a_living_loader_is_waited_for_and_named(
    feed: Feed, warehouse: Warehouse, environment: dict[str, str]
) -> None:
    feed.publish(BARS)
    alive = threading.Event()
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"]
    with psycopg.connect(dsn, autocommit=True, application_name="load_bars:other") as holder:
        holder.execute("SELECT pg_advisory_lock(hashtext('load:bars'))")

        def live() -> None:
            while not alive.wait(1):
                holder.execute("SELECT 1")

        thread = threading.Thread(target=live)
        thread.start()
        try:
            began = time.monotonic()
            with pytest.raises(DatasetLocked, match="load_bars:other: waited 2 s"):
                feed.load(lock_seconds=2)
            assert 2 <= time.monotonic() - began < 15
        finally:
            alive.set()
            thread.join()
    assert warehouse.rows("SELECT count(*) FROM ops.kafka_offsets") == [(0,)]
    feed.load()
    assert found(warehouse) == expected(BARS)


def test_a_lock_of_another_role_is_waited_for(feed: Feed, warehouse: Warehouse, owner: psycopg.Connection) -> None:
    """Of another role's session PostgreSQL does not tell how long it has been idle."""
    owner.execute("SELECT pg_advisory_lock(hashtext('load:bars'))")
    try:
        with pytest.raises(DatasetLocked):
            feed.load(lock_seconds=1)
    finally:
        owner.execute("SELECT pg_advisory_unlock_all()")


@pytest.mark.parametrize(
    ("point", "arguments"),
    [("before_commit", []), ("mid_copy", ["--driver-messages", "0"])],
    ids=["driver before its commit", "executors amid a copy"],
)
def test_stopped_loader_is_taken_over_and_changes_nothing_when_it_wakes(
    warehouse: Warehouse,
    default_feed: Feed,
    environment: dict[str, str],
    tmp_path: Path,
    archive: None,
    point: str,
    arguments: list[str],
) -> None:
    default_feed.publish(BARS)
    with loader_held_at(environment, tmp_path, point, *arguments) as zombie:
        zombie.stop()
        began = time.monotonic()
        default_feed.load(lock_seconds=60)
        assert time.monotonic() - began < 60
        assert found(warehouse)["market.bars_1m"]
        warehouse.assert_counts_agree()
        before = warehouse.dump(*set(LOADED_TABLES) - {"ops.batches"}, with_versions=True)
        code, said = zombie.go_on()
        assert code == 1, said
    assert warehouse.dump(*set(LOADED_TABLES) - {"ops.batches"}, with_versions=True) == before
    assert warehouse.rows("SELECT state FROM ops.batches ORDER BY batch_id") == [("abandoned",), ("succeeded",)]
    assert warehouse.leftovers() == []


@pytest.mark.parametrize("driver_messages", [10_000, 0], ids=["driver", "executors"])
def test_commit_whose_answer_was_lost_is_found_in_the_ledger(
    feed: Feed, warehouse: Warehouse, environment: dict[str, str], driver_messages: int
) -> None:
    feed.publish(BARS)
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"]
    with lossy_proxy(dsn, password(environment), deliver_commit=True) as (proxy, through):
        feed.load(warehouse_dsn=through, driver_messages=driver_messages)
    assert proxy.commits_lost == 1
    assert warehouse.rows("SELECT DISTINCT state FROM ops.batches") == [("succeeded",)]
    assert found(warehouse) == expected(BARS)
    warehouse.assert_counts_agree()


def test_commit_that_never_arrived_fails_the_load_and_the_next_one_heals_it(
    feed: Feed, warehouse: Warehouse, environment: dict[str, str]
) -> None:
    feed.publish(BARS)
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"]
    with lossy_proxy(dsn, password(environment), deliver_commit=False) as (proxy, through):
        with pytest.raises(adbc_driver_manager.Error):
            feed.load(warehouse_dsn=through)
        assert proxy.commits_lost == 1
        assert warehouse.rows("SELECT count(*) FROM market.bars_1m") == [(0,)]
        assert warehouse.rows("SELECT state FROM ops.batches") == [("failed",)]
        feed.load(warehouse_dsn=through)
    assert found(warehouse) == expected(BARS)
    warehouse.assert_counts_agree()


def test_ledger_fences_whoever_planned_from_an_old_place(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(BARS)
    feed.load()
    before = warehouse.dump(*LOADED_TABLES, with_versions=True)
    ends = feed.ends(feed.live)
    old = [OffsetRange(feed.live, partition, 0, end) for partition, end in ends.items()]
    empty = [OffsetRange(topic, partition, 0, 0) for topic in (feed.backfill, feed.actions) for partition in ends]
    none = ACTIONS.empty_table()
    again = write_ranges([], none, None, [*old, *empty], 1, feed.settings)
    assert again == [], "its own work, done by an earlier attempt"
    for ranges in (
        [OffsetRange(feed.live, 0, 0, ends[0] - 1)],
        [*old, OffsetRange(feed.backfill, 0, 5, 5)],
        [old[0], OffsetRange(feed.live, 1, ends[1], ends[1] + 1)],
        [OffsetRange(feed.backfill, 0, 5, 5)],
        [OffsetRange("unknown", 0, 0, 1)],
    ):
        with pytest.raises(LedgerMoved):
            write_ranges([], none, None, ranges, 1, feed.settings)
    assert warehouse.dump(*LOADED_TABLES, with_versions=True) == before


def test_the_job_reads_the_topics_of_the_contracts() -> None:
    settings = LoadSettings(run_id="x", warehouse_dsn="", kafka_bootstrap="")
    assert settings.topics == (ACTIONS_TOPIC, LIVE_TOPIC, BACKFILL_TOPIC)
    assert settings.topics == ("market.actions.v1", "market.bars.v1", "market.bars.backfill.v1")
