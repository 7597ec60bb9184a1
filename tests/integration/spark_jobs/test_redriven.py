"""A dead letter that is mended and published again is loaded once, however often it was published."""

from __future__ import annotations

from tests.integration.spark_jobs.feed import Feed, bar, fetched, split
from tests.integration.spark_jobs.news_feed import NewsFeed, story
from tests.integration.spark_jobs.warehouse import Warehouse


def test_a_mended_bar_that_a_crash_published_twice_is_applied_once(feed: Feed, warehouse: Warehouse) -> None:
    bars = [bar(number, "100") for number in range(5)]
    key, value = bars[2]
    assert value is not None
    feed.publish([*bars[:2], (key, value.replace(b'"100"', b'"1e2"')), *bars[3:]])
    feed.load()
    assert warehouse.rows("SELECT count(*) FROM ops.dead_letters") == [(1,)]

    feed.publish([bars[2], bars[2]])
    feed.load()

    assert warehouse.rows("SELECT applied, duplicates, dead_letters FROM ops.batch_ranges ORDER BY batch_id") == [
        (4, 0, 1),
        (1, 1, 0),
    ]
    redriven = warehouse.market()
    warehouse.assert_counts_agree()
    warehouse.empty()
    feed.publish(bars)
    feed.load()
    # The topic still has all of it, in the order of the crash; the tables come out as if nothing had been wrong.
    assert warehouse.market() == redriven


def test_a_re_driven_bar_does_not_undo_what_was_known_later(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish([bar(0, "101", fetched_at=fetched(9))])
    feed.load()

    feed.publish([bar(0, "100", fetched_at=fetched(1))])
    feed.load()

    assert warehouse.rows("SELECT close::int FROM market.bars_1m") == [(101,)]
    assert warehouse.rows("SELECT close::int FROM market.bar_revisions") == [(100,)]


def test_actions_and_articles_that_were_published_twice_are_applied_once(
    feed: Feed, news: NewsFeed, warehouse: Warehouse
) -> None:
    feed.publish_actions(split(100, "2"), split(100, "2"))
    news.publish([story(1, 0.5), story(1, 0.5)])
    feed.load()
    news.load()

    assert warehouse.rows("SELECT applied, duplicates FROM ops.batch_ranges") == [(1, 1), (1, 1)]
    assert warehouse.rows("SELECT count(*) FROM ops.action_observations") == [(1,)]
    assert warehouse.rows("SELECT count(*) FROM ops.article_observations") == [(1,)]
