"""The command that the runbook asks first."""

from __future__ import annotations

import pytest
from marketpulse_spark.jobs import show_ledger

from tests.integration.spark_jobs.feed import Feed, bar
from tests.integration.spark_jobs.news_feed import NewsFeed, story
from tests.integration.spark_jobs.warehouse import Warehouse


def test_ledger_and_kafka_are_shown_beside_each_other(
    default_feed: Feed, default_news: NewsFeed, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    assert show_ledger.main() == 0
    default_feed.publish([bar(0, "1"), bar(1, "1")], partition=1)
    default_feed.load()
    default_feed.publish([bar(2, "1")], partition=1)
    capsys.readouterr()
    assert show_ledger.main() == 0
    shown = capsys.readouterr().out
    assert ["market.bars.v1", "1", "0", "2", "3"] in [line.split() for line in shown.splitlines()]
    assert [line for line in shown.splitlines() if line.startswith("load_")] == [
        "load_bars: would start.",
        "load_news: would start.",
    ]
    warehouse.rows("UPDATE ops.kafka_offsets SET cluster_id = 'another'")
    assert show_ledger.main() == 1
    shown = capsys.readouterr().out
    assert "of cluster another to the ledger" in shown
    assert "load_bars: ClusterChanged: " in shown
    assert "load_news: would start." in shown


def test_each_dataset_is_asked_for_itself(
    default_feed: Feed, default_news: NewsFeed, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    default_news.publish([story(1, 0)])
    default_news.load()
    warehouse.rows("UPDATE ops.kafka_offsets SET next_offset = next_offset + 7")
    assert show_ledger.main() == 1
    shown = capsys.readouterr().out
    assert "load_bars: would start." in shown
    assert "load_news: TopicTruncated: market.news.v1[0]" in shown


def test_a_missing_topic_is_shown(
    default_feed: Feed, default_news: NewsFeed, warehouse: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    default_feed.load()
    default_feed.delete(default_feed.live)
    assert show_ledger.main() == 1
    shown = capsys.readouterr().out
    assert ["market.bars.v1", "0", "-", "0", "-"] in [line.split() for line in shown.splitlines()]
    assert "TopicMissing: " in shown
    default_feed.create(default_feed.live)
