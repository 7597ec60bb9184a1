"""Hourly sentiment: which stories an hour counts, with which weight, and which hours a change reaches."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from marketpulse_spark.schemas import MENTIONS, MENTIONS_DDL
from marketpulse_spark.transforms.sentiment import affected_sentiment
from pyspark.sql import DataFrame, SparkSession
from pyspark.testing import assertDataFrameEqual

#: The hour that ends at this time is hour 0.
END = dt.datetime(2024, 3, 1, 15, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def mention(hours: float, sentiment: float = 0.5, relevance: float | None = 1.0, **changes: Any) -> dict[str, Any]:
    """A story of so many hours after END, which the batch has added."""
    return {
        "symbol": "MSFT",
        "published_at": END + hours * HOUR,
        "article_id": f"{hours}",
        "relevance": relevance,
        "sentiment": sentiment,
        "is_changed": True,
        "is_removed": False,
    } | changes


def frame(spark: SparkSession, mentions: Iterable[dict[str, Any]]) -> DataFrame:
    return spark.createDataFrame(pa.Table.from_pylist(list(mentions), schema=MENTIONS), MENTIONS_DDL)


def hours(spark: SparkSession, *mentions: dict[str, Any]) -> dict[tuple[str, int], tuple[Any, ...]]:
    """Stories, mean, decayed and stories in the window, by symbol and hour."""
    rows = affected_sentiment(frame(spark, mentions)).collect()
    found = {(row[0], round((row[1].astimezone(dt.UTC) - END) / HOUR)): tuple(row)[2:] for row in rows}
    assert len(found) == len(rows)
    return found


def test_a_story_counts_for_48_hours_from_the_end_of_its_own(spark: SparkSession) -> None:
    found = hours(spark, mention(-0.5))
    assert list(found) == [("MSFT", hour) for hour in range(48)]
    assert found["MSFT", 0] == (1, 0.5, 0.5, 1)
    assert found["MSFT", 1] == (0, None, pytest.approx(0.5), 1)
    assert found["MSFT", 47] == (0, None, pytest.approx(0.5), 1)


@pytest.mark.parametrize(("seconds", "hour"), [(-3600, -1), (-3599, 0), (-1, 0), (0, 0), (1, 1)])
def test_an_hour_ends_with_its_last_second(spark: SparkSession, seconds: int, hour: int) -> None:
    """A story at the very end of an hour is known at its end."""
    found = hours(spark, mention(seconds / 3600))
    assert [place for place, (stories, *_) in found.items() if stories] == [("MSFT", hour)]


def test_the_mean_is_weighted_by_relevance_and_null_counts_as_1(spark: SparkSession) -> None:
    found = hours(spark, mention(-0.2, 1.0, 0.25), mention(-0.1, -0.5, None))
    assert found["MSFT", 0][:2] == (2, pytest.approx((0.25 - 0.5) / 1.25))


def test_weight_halves_every_6_hours(spark: SparkSession) -> None:
    found = hours(spark, mention(-6.0, 1.0, 0.5), mention(0.0, -1.0, 1.0))
    assert found["MSFT", 0][2] == pytest.approx((0.5 * 0.5 - 1.0) / (0.5 * 0.5 + 1.0), abs=1e-15)
    # Both twelve hours older: their ratio stays.
    assert found["MSFT", 12][2] == pytest.approx(found["MSFT", 0][2], abs=1e-15)


def test_irrelevant_stories_have_no_mean(spark: SparkSession) -> None:
    assert hours(spark, mention(-0.5, 0.7, 0.0))["MSFT", 0] == (1, None, None, 1)


def test_symbols_are_apart(spark: SparkSession) -> None:
    found = hours(spark, mention(-0.5, 0.5), mention(-0.5, -0.5, symbol="IBM"))
    assert (found["MSFT", 0][1], found["IBM", 0][1]) == (0.5, -0.5)


def test_only_hours_that_a_change_reaches_are_computed(spark: SparkSession) -> None:
    stored = [mention(hour - 0.5, -0.5, is_changed=False) for hour in (-47, -3, 3, 47)]
    found = hours(spark, mention(-0.5), *stored)
    assert list(found) == [("MSFT", hour) for hour in range(48)]
    assert found["MSFT", 0][3] == 3
    assert found["MSFT", 47][3] == 3
    assert hours(spark, *stored) == {}


def test_a_story_that_is_taken_away_leaves_the_others_or_nothing(spark: SparkSession) -> None:
    gone = mention(-0.5, 1.0, is_removed=True)
    assert hours(spark, gone)["MSFT", 0] == (0, None, None, 0)
    found = hours(spark, gone, mention(-1.5, -0.5, is_changed=False))
    assert found["MSFT", 0] == (0, None, -0.5, 1)
    assert found["MSFT", 47] == (0, None, None, 0)


def test_a_revised_score_takes_the_place_of_the_old_one(spark: SparkSession) -> None:
    found = hours(spark, mention(-0.5, 0.1, is_removed=True), mention(-0.5, 0.9))
    assert found["MSFT", 0] == (1, 0.9, 0.9, 1)


def test_nothing_changes_nothing(spark: SparkSession) -> None:
    assert affected_sentiment(frame(spark, [])).collect() == []


def test_the_layout_is_that_of_the_merge(spark: SparkSession) -> None:
    types = [(field.name, field.dataType.simpleString()) for field in affected_sentiment(frame(spark, [])).schema]
    assert types == [
        ("symbol", "string"),
        ("hour_end", "timestamp"),
        ("stories", "int"),
        ("mean_sentiment", "double"),
        ("decayed_sentiment", "double"),
        ("window_stories", "int"),
    ]


def test_the_order_of_rows_decides_not_a_bit(spark: SparkSession) -> None:
    scores = (0.1, 0.7, -0.3, 0.9, -0.123457)
    mentions = [mention(-place / 7, score, 0.1 + place / 9) for place, score in enumerate(scores)]
    assertDataFrameEqual(
        affected_sentiment(frame(spark, mentions)), affected_sentiment(frame(spark, mentions[::-1])), rtol=0, atol=0
    )


def decayed(stories: Sequence[tuple[int, float, float]], hour: int) -> float | None:
    """The formula in plain Python: seconds before END, score and relevance of each story."""
    window = [(seconds / 3600 + hour, score, weight) for seconds, score, weight in stories]
    weights = [weight * math.exp(-math.log(2) * age / 6) if 0 <= age < 48 else 0.0 for age, _, weight in window]
    total = math.fsum(weights)
    return math.fsum(w * score for w, (_, score, _) in zip(weights, window, strict=True)) / total if total else None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 60 * 3600), st.floats(-1, 1), st.sampled_from([0.0, 0.1, 0.9, 1.0])),
        min_size=1,
        max_size=6,
    )
)
def test_agrees_with_the_formula(spark: SparkSession, stories: list[tuple[int, float, float]]) -> None:
    mentions = [
        mention(-seconds / 3600, score, weight, article_id=str(place))
        for place, (seconds, score, weight) in enumerate(stories)
    ]
    found = hours(spark, *mentions)
    assert found
    for (_, hour), (_, _, value, _) in found.items():
        assert value == pytest.approx(decayed(stories, hour), abs=1e-12)
