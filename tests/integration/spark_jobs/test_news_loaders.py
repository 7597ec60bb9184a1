"""Loaders of news that are killed, doubled, cut off or refused: each article is loaded once all the same."""

from __future__ import annotations

import re
from pathlib import Path

import adbc_driver_manager
import psycopg
import pytest
from marketpulse_spark import errors

from tests.integration.spark_jobs.expected_news import assert_news_is
from tests.integration.spark_jobs.feed import Feed, Record, bar
from tests.integration.spark_jobs.news_feed import NewsFeed, story
from tests.integration.spark_jobs.processes import LOAD_NEWS, loader_held_at, submit
from tests.integration.spark_jobs.proxy import lossy_proxy
from tests.integration.spark_jobs.test_many_loaders import password
from tests.integration.spark_jobs.warehouse import LOADED_TABLES, Warehouse

STORIES = [story(number, number / 3, f"0.{number}", headline=f"Headline {number % 20}") for number in range(30)]
POISON: list[Record] = [(b"x", b"nonsense")]


@pytest.mark.parametrize("point", ["mid_copy", "after_merge", "after_range_commit"])
def test_a_killed_loader_is_healed_by_the_next(
    warehouse: Warehouse,
    default_news: NewsFeed,
    environment: dict[str, str],
    tmp_path: Path,
    archive: None,
    point: str,
) -> None:
    default_news.publish(STORIES + POISON)
    with loader_held_at(environment, tmp_path, point, job=LOAD_NEWS):
        pass
    default_news.load(lock_seconds=60)
    assert_news_is(warehouse, STORIES)
    warehouse.assert_counts_agree()
    killed, *healed = warehouse.rows("SELECT state, committed_at IS NULL FROM ops.batches ORDER BY batch_id")
    assert killed == ("abandoned", point != "after_range_commit")
    assert healed == ([] if point == "after_range_commit" else [("succeeded", False)])


def test_a_stopped_loader_is_taken_over_and_changes_nothing_when_it_wakes(
    warehouse: Warehouse, default_news: NewsFeed, environment: dict[str, str], tmp_path: Path, archive: None
) -> None:
    default_news.publish(STORIES)
    with loader_held_at(environment, tmp_path, "before_commit", job=LOAD_NEWS) as zombie:
        zombie.stop()
        default_news.load(lock_seconds=60)
        before = warehouse.dump(*set(LOADED_TABLES) - {"ops.batches"}, with_versions=True)
        code, said = zombie.go_on()
        assert code == 1, said
    assert warehouse.dump(*set(LOADED_TABLES) - {"ops.batches"}, with_versions=True) == before
    assert_news_is(warehouse, STORIES)
    assert warehouse.leftovers() == []


def test_commit_whose_answer_was_lost_is_found_in_the_ledger(
    news: NewsFeed, warehouse: Warehouse, environment: dict[str, str]
) -> None:
    news.publish(STORIES)
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"]
    with lossy_proxy(dsn, password(environment), deliver_commit=True) as (proxy, through):
        news.load(warehouse_dsn=through)
    assert proxy.commits_lost == 1
    assert warehouse.rows("SELECT state FROM ops.batches") == [("succeeded",)]
    assert_news_is(warehouse, STORIES)
    warehouse.assert_counts_agree()


def test_commit_that_never_arrived_fails_the_load_and_the_next_one_heals_it(
    news: NewsFeed, warehouse: Warehouse, environment: dict[str, str]
) -> None:
    news.publish(STORIES)
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"]
    with lossy_proxy(dsn, password(environment), deliver_commit=False) as (_, through):
        with pytest.raises(adbc_driver_manager.Error):
            news.load(warehouse_dsn=through)
        assert warehouse.rows("SELECT count(*) FROM market.articles") == [(0,)]
        news.load(warehouse_dsn=through)
    assert_news_is(warehouse, STORIES)
    warehouse.assert_counts_agree()


def test_the_lock_is_of_the_dataset(
    news: NewsFeed, feed: Feed, warehouse: Warehouse, environment: dict[str, str]
) -> None:
    news.publish(STORIES)
    feed.publish([bar(0, "1")])
    with psycopg.connect(environment["MARKETPULSE_WAREHOUSE_DSN"], autocommit=True) as holder:
        holder.execute("SELECT pg_advisory_lock(hashtext('load:news'))")
        with pytest.raises(errors.DatasetLocked, match="The dataset news is being loaded"):
            news.load(lock_seconds=1)
        feed.load()
        holder.execute("SELECT pg_advisory_unlock_all(), pg_advisory_lock(hashtext('load:bars'))")
        news.load()
        with pytest.raises(psycopg.errors.RaiseException, match="A load is at work"):
            warehouse.rows("SELECT ops.retire_topic(%s)", news.settings.news_topic)
    assert_news_is(warehouse, STORIES)
    assert warehouse.rows("SELECT count(*) FROM market.bars_1m") == [(1,)]


def test_recreated_topic_is_loaded_from_its_start_once_the_old_one_is_retired(
    news: NewsFeed, warehouse: Warehouse
) -> None:
    topic = news.settings.news_topic
    news.publish(POISON + STORIES[:20])
    news.load()
    news.delete(topic)
    news.create(topic)
    news.publish(POISON + STORIES[10:])
    with pytest.raises(errors.TopicRecreated, match=r"See docs/runbooks/load-refused\.md\."):
        news.load()
    ((kept_as,),) = warehouse.rows("SELECT ops.retire_topic(%s)", topic)
    news.load()
    assert_news_is(warehouse, STORIES)
    warehouse.assert_counts_agree()
    for table, old, new in (("raw.news", 20, 20), ("ops.dead_letters", 1, 1)):
        assert warehouse.rows(
            f"SELECT count(*) FILTER (WHERE topic = %s), count(*) FILTER (WHERE topic = %s) FROM {table}",
            kept_as,
            topic,
        ) == [(old, new)]


def test_the_job_loads_as_airflow_starts_it_and_refuses_in_one_line(
    warehouse: Warehouse, default_news: NewsFeed, environment: dict[str, str], archive: None
) -> None:
    default_news.publish(STORIES)
    done = submit(environment, LOAD_NEWS, "--run-id", "scheduled__1")
    assert done.returncode == 0, done.stderr
    assert_news_is(warehouse, STORIES)
    assert warehouse.rows("SELECT dataset, run_id, state FROM ops.batches") == [("news", "scheduled__1", "succeeded")]
    assert "[warning][cds" not in done.stderr
    warehouse.rows("UPDATE ops.kafka_offsets SET cluster_id = 'another'")
    done = submit(environment, LOAD_NEWS, "--run-id", "scheduled__2")
    assert done.returncode == 1
    said = done.stdout + done.stderr
    assert re.search(r"^ClusterChanged: market\.news\.v1\[0\].*See docs/runbooks/load-refused\.md\.$", said, re.M)
    assert "Traceback" not in said
