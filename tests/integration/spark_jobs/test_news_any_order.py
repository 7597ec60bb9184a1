"""Articles doubled, revised, late, of several vendors and in any order end in identical tables."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from marketpulse_spark import news as loader
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.expected_news import assert_news_is
from tests.integration.spark_jobs.feed import Record, fetched
from tests.integration.spark_jobs.memory_feed import MemoryTopics
from tests.integration.spark_jobs.news_feed import news_settings, story
from tests.integration.spark_jobs.warehouse import NEWS_TABLES, Warehouse
from tests.unit.spark_jobs.news_messages import ticker

_POISON: list[Record] = [(b"x", b"nonsense"), (b"x", None), (b"x", story(1, 0)[1]), story(1, 0, "2")]
#: At the borders of hours, of windows and of stories, and anywhere near.
_SECONDS = [0, 1, 3600, 3601, 86_400, 86_401, 90_000, 172_800, 172_801, 176_400]
_SCORES = [None, "0.5", "0.50", "-0.25", "1", "-0.123456"]

_tickers = st.lists(
    st.builds(
        ticker,
        st.sampled_from(["MSFT", "MSFT", "IBM", "BTCUSD"]),
        st.sampled_from([None, "0", "0.1", "0.10", "1"]),
        st.sampled_from(_SCORES),
    ),
    min_size=1,
    max_size=3,
    unique_by=lambda each: each["symbol"],
)
_articles = st.builds(
    lambda number, second, headline, overall, tickers, fetched_at: story(
        number,
        second / 3600,
        source=("alpha_vantage", "finnhub")[number % 2],
        headline=headline,
        sentiment=overall,
        tickers=tickers,
        fetched_at=fetched(fetched_at),
    ),
    st.integers(1, 6),
    st.sampled_from(_SECONDS) | st.integers(0, 260_000),
    st.sampled_from(["Good News!", "good news", "Bad news"]),
    st.sampled_from(_SCORES),
    _tickers,
    st.integers(0, 3),
)


@dataclass(frozen=True)
class History:
    """All messages, first those that keep the contract, and which of them each load finds."""

    good: list[Record]
    bad: list[Record]
    parts: list[list[Record]]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Articles, some of them twice, and poison: all shuffled into parts."""
    good = draw(st.lists(_articles, min_size=1, max_size=14))
    good += good[:2]
    bad = _POISON[: draw(st.integers(0, len(_POISON)))]
    shuffled = draw(st.permutations(good + bad))
    cuts = [0, *sorted(draw(st.lists(st.integers(0, len(shuffled)), max_size=2))), len(shuffled)]
    return History(good, bad, [shuffled[first:last] for first, last in pairwise(cuts)])


def load(environment: dict[str, str], spark: SparkSession, parts: list[list[Record]], limit: int) -> None:
    """Loads part by part from topics of their own."""
    wanted = dataclasses.replace(news_settings(environment), max_messages_per_batch=limit)
    with pytest.MonkeyPatch.context() as patch:
        topics = MemoryTopics(loader, patch)
        for part in parts:
            topics.publish_to(wanted.news_topic, part)
            loader.load(wanted, time.time(), lambda: spark)


#: Without shrinking, which would load for minutes: the example is printed as it was found.
_AS_FOUND: dict[str, Any] = {
    "deadline": None,
    "phases": [Phase.explicit, Phase.reuse, Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=50, **_AS_FOUND)
@given(histories(), st.sampled_from([3, 1_000]))
def test_any_order_and_any_batches_end_in_identical_tables(
    warehouse: Warehouse, environment: dict[str, str], interpreted: SparkSession, history: History, limit: int
) -> None:
    warehouse.empty()
    load(environment, interpreted, history.parts, limit)
    warehouse.assert_counts_agree()
    assert_news_is(warehouse, history.good)
    assert warehouse.rows("SELECT (SELECT count(*) FROM ops.dead_letters), (SELECT count(*) FROM raw.news)") == [
        (len(history.bad), len(history.good))
    ]
    scattered = warehouse.dump(*NEWS_TABLES)
    warehouse.empty()
    load(environment, interpreted, [history.good], 1_000)
    assert warehouse.dump(*NEWS_TABLES) == scattered
    loaded = warehouse.dump(*NEWS_TABLES, with_versions=True)
    load(environment, interpreted, [history.good[::-1]], 1_000)
    assert warehouse.dump(*NEWS_TABLES, with_versions=True) == loaded
