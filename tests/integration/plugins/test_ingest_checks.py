"""The data checks hold on good data, and each of them can fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from marketpulse.checks import ChecksFailed, run_checks
from marketpulse.config import load_instruments
from marketpulse.sync_instruments import sync_instruments
from marketpulse.warehouse import connect

PATHS = ("ops/kafka_offsets/checks.sql", "market/bars_1m/checks.sql")
NEWS_PATHS = ("ops/kafka_offsets/checks.sql", "market/articles/checks.sql")
GOOD = """
INSERT INTO ops.batches (dataset, run_id, state, writer, submitted_at)
VALUES ('bars', 'r', 'succeeded', 'driver', now());
INSERT INTO ops.kafka_offsets VALUES ('market.bars.v1', 0, 'c', 't', 3);
INSERT INTO ops.batch_ranges
       (batch_id, topic, partition, start_offset, end_offset, messages, dead_letters, duplicates, applied)
SELECT max(batch_id), 'market.bars.v1', 0, first, last, last - first, 0, 0, last - first
  FROM ops.batches, (VALUES (0, 1), (1, 3)) ranges (first, last) GROUP BY first, last;
SELECT raw.ensure_day('bars', current_date);
INSERT INTO raw.bars SELECT 'market.bars.v1', 0, n, now(), 1, 'alpha_vantage', 'MSFT', '1min',
       date_trunc('minute', now()) - n * interval '1 minute', '2', '3', '1', '2', '5', now(), 'r'
  FROM generate_series(0, 2) n;
INSERT INTO ops.source_watermarks VALUES ('alpha_vantage', 'MSFT', '1min', date_trunc('minute', now()), '{}');
INSERT INTO market.bars_1m SELECT 'MSFT', 'alpha_vantage', date_trunc('minute', now()) - n * interval '1 minute',
       2, 3, 1, 2, 5, now() FROM generate_series(0, 2) n;
INSERT INTO analytics.indicators_1m (symbol, source, ts) SELECT symbol, source, ts FROM market.bars_1m;
"""
#: Two articles of one story, an hour old, and the hours that it reaches.
GOOD_NEWS = """
INSERT INTO ops.batches (dataset, run_id, state, writer, submitted_at)
VALUES ('news', 'r', 'succeeded', 'driver', now());
INSERT INTO ops.kafka_offsets VALUES ('market.news.v1', 0, 'c', 't', 2);
INSERT INTO ops.batch_ranges
       (batch_id, topic, partition, start_offset, end_offset, messages, dead_letters, duplicates, applied)
SELECT max(batch_id), 'market.news.v1', 0, 0, 2, 2, 0, 0, 2 FROM ops.batches;
SELECT raw.ensure_day('news', current_date);
INSERT INTO raw.news SELECT 'market.news.v1', 0, n, now(), 1, 'a' || n, 'finnhub', 'https://a', 'p', 'h', '',
       now() - interval '1 hour', '[{"symbol": "MSFT", "relevance": null, "sentiment": "0.5"}]', NULL, now(), 'r'
  FROM generate_series(0, 1) n;
INSERT INTO ops.article_observations
SELECT article_id, fetched_at, 'v', source, url, publisher, headline, 'k', summary, published_at, tickers
  FROM raw.news;
INSERT INTO market.articles
SELECT article_id, source, url, publisher, headline, 'k', summary, published_at, tickers, NULL, NULL, fetched_at, 'a0'
  FROM raw.news;
INSERT INTO analytics.sentiment_1h
SELECT 'MSFT', date_trunc('hour', now()) + n * interval '1 hour', 1 - sign(n), CASE n WHEN 0 THEN 0.5 END, 0.5
  FROM generate_series(0, 47) n;
"""


@pytest.fixture
def warehouse(task_environment: dict[str, str]) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    dsn = task_environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_owner@")
    with psycopg.connect(dsn, autocommit=True, passfile=task_environment["PGPASSFILE"]) as connection:
        with connect(statement_seconds=5, lock_seconds=5) as loader:
            sync_instruments(loader, load_instruments())
        connection.execute(GOOD)
        yield connection


def test_good_data_passes_quickly(
    warehouse: psycopg.Connection[tuple[Any, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    began = time.monotonic()

    run_checks(PATHS)

    assert time.monotonic() - began < 3
    assert "every_good_message_of_a_range_is_in_raw: expected 3, found 3" in caplog.text
    assert "every_bar_has_its_indicators: expected 3, found 3" in caplog.text
    assert "FAIL" not in caplog.text


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        (
            "UPDATE ops.kafka_offsets SET next_offset = 4",
            "at_the_end_of_its_last_range: expected 0, found 1",
        ),
        (
            "UPDATE ops.batch_ranges SET start_offset = 2, messages = 1, applied = 1 WHERE start_offset = 1",
            "ranges_follow_one_another_without_gap_or_overlap: expected 0, found 1",
        ),
        ("DELETE FROM raw.bars WHERE kafka_offset = 1", "range_is_in_raw: expected 3, found 2"),
        (
            "UPDATE ops.batch_ranges SET dead_letters = 1, applied = 0 WHERE start_offset = 0",
            "every_dead_letter_of_a_range_is_kept: expected 1, found 0",
        ),
        ("UPDATE market.bars_1m SET low = 2.5", "prices_lie_between_low_and_high: expected 0, found 3"),
        ("UPDATE market.bars_1m SET ts = ts + interval '1 second'", "whole_minutes_of_the_past: expected 0, found 3"),
        ("UPDATE market.bars_1m SET ts = ts + interval '1 day'", "whole_minutes_of_the_past: expected 0, found 3"),
        (
            "DELETE FROM analytics.indicators_1m WHERE ts = (SELECT max(ts) FROM market.bars_1m)",
            "every_bar_has_its_indicators: expected 3, found 2",
        ),
        ("DELETE FROM market.instruments WHERE symbol = 'MSFT'", "known_instrument: expected 0, found 1"),
    ],
    ids=lambda text: text.split(":")[0],
)
def test_each_check_can_fail(warehouse: psycopg.Connection[tuple[Any, ...]], damage: str, broken: str) -> None:
    warehouse.execute(damage)

    with pytest.raises(ChecksFailed) as caught:
        run_checks(PATHS)
    assert broken in str(caught.value)


BAD_TICK = "UPDATE market.bars_1m SET high = 30, close = 30 WHERE ts = (SELECT max(ts) FROM market.bars_1m)"


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        (
            "UPDATE ops.batches SET state = 'running', started_at = now() - interval '2 hours'",
            "no_other_batch_is_unfinished: expected 0, found 1",
        ),
        (BAD_TICK, "no_new_bar_is_twice_or_half_of_the_one_before: expected 0, found 1"),
    ],
)
def test_warnings_do_not_fail(
    warehouse: psycopg.Connection[tuple[Any, ...]], caplog: pytest.LogCaptureFixture, damage: str, broken: str
) -> None:
    warehouse.execute(damage)

    run_checks(PATHS)

    assert f"WARN  {broken}" in caplog.text


def test_a_split_explains_a_jump(
    warehouse: psycopg.Connection[tuple[Any, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    warehouse.execute(BAD_TICK)
    warehouse.execute(
        "INSERT INTO ops.action_observations VALUES"
        " ('MSFT', 'alpha_vantage', 'split', current_date, now() - interval '5 minutes', 0.1, '', now())"
    )

    run_checks(PATHS)

    assert "WARN" not in caplog.text


def test_good_news_passes_quickly(
    warehouse: psycopg.Connection[tuple[Any, ...]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    warehouse.execute(GOOD_NEWS)
    began = time.monotonic()

    run_checks(NEWS_PATHS)

    assert time.monotonic() - began < 3
    assert "every_good_message_of_a_range_is_in_raw: expected 5, found 5" in caplog.text
    assert "hours_count_each_story_once_for_each_symbol: expected 1, found 1" in caplog.text
    assert "FAIL" not in caplog.text


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        ("DELETE FROM raw.news WHERE kafka_offset = 1", "range_is_in_raw: expected 5, found 4"),
        (
            "UPDATE market.articles SET story_id = 'a1' WHERE article_id = 'a0'",
            "every_article_is_of_a_story_that_begins_with_it_or_before: expected 2, found 0",
        ),
        (
            "UPDATE ops.article_observations SET fetched_at = fetched_at + interval '1 second' WHERE article_id = 'a1'",
            "every_article_is_the_newest_thing_its_source_said: expected 2, found 1",
        ),
        (
            "UPDATE analytics.sentiment_1h SET stories = 2 WHERE stories = 1",
            "hours_count_each_story_once_for_each_symbol: expected 1, found 2",
        ),
        (
            "UPDATE analytics.sentiment_1h SET decayed_sentiment = -1.5 WHERE stories = 1",
            "sentiment_is_between_minus_1_and_1: expected 0, found 1",
        ),
        (
            "DELETE FROM market.instruments WHERE symbol = 'MSFT'",
            "every_article_is_of_a_known_instrument: expected 0, found 2",
        ),
    ],
    ids=lambda text: text.split(":")[0],
)
def test_each_check_of_news_can_fail(warehouse: psycopg.Connection[tuple[Any, ...]], damage: str, broken: str) -> None:
    warehouse.execute(GOOD_NEWS)
    warehouse.execute(damage)

    with pytest.raises(ChecksFailed) as caught:
        run_checks(NEWS_PATHS)
    assert broken in str(caught.value)
