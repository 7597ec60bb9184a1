"""Live, backfilled, doubled, corrected and re-ordered input end in identical tables."""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.expected import expected, found
from tests.integration.spark_jobs.feed import Feed, Record, bar, fetched, fresh_feed
from tests.integration.spark_jobs.warehouse import Warehouse

_SYMBOLS = ("MSFT", "IBM")
_PRICES = ("99.5", "100", "100.00", "100.10000001", "7")
#: No example starts later than this after the first: a busy machine tries fewer.
_SECONDS = 150
_POISON: list[Record] = [(b"MSFT", b"nonsense"), (b"IBM", None), bar(3, "0"), bar(3, "1", symbol="ENRN")]

#: Minute, symbol, close, second of fetched_at, source.
Version = tuple[int, str, str, int, str]

_versions = st.tuples(
    # Near the base, in its middle, far from it on both sides of a day's gap.
    st.integers(0, 12) | st.integers(55, 90) | st.sampled_from([1400, 2900, 5000]),
    st.sampled_from(_SYMBOLS),
    st.sampled_from(_PRICES),
    st.integers(0, 3),
    st.sampled_from(["alpha_vantage", "alpha_vantage", "coinbase"]),
)


@dataclass(frozen=True)
class Part:
    """What one load finds: places in the list of all messages, of each topic, and who writes them."""

    live: list[int]
    backfill: list[int]
    by_executors: bool


@dataclass(frozen=True)
class History:
    """All messages, first those that keep the contract, and how loads come upon them."""

    base_bars: dict[str, int]
    versions: list[Version]
    poison: int
    parts: list[Part]

    @property
    def good(self) -> list[Record]:
        base = [
            bar(number, f"{100 + number % 13}.{number:02}", symbol=symbol, fetched_at=fetched(1))
            for symbol, bars in self.base_bars.items()
            for number in range(bars)
        ]
        versions = [
            bar(number, close, symbol=symbol, fetched_at=fetched(second), source=source)
            for number, symbol, close, second, source in self.versions
        ]
        return base + versions

    @property
    def bad(self) -> list[Record]:
        return _POISON[: self.poison]


@st.composite
def histories(draw: st.DrawFn) -> History:
    """A base of bars, versions of some of them, poison, and all of it shuffled into parts."""
    base_bars = {symbol: draw(st.sampled_from([0, 8, 64, 75])) for symbol in _SYMBOLS}
    versions = draw(st.lists(_versions, max_size=25))
    versions += versions[:2]
    poison = draw(st.integers(0, len(_POISON)))
    count = sum(base_bars.values()) + len(versions) + poison
    shuffled = draw(st.permutations(range(count)))
    cuts = sorted(draw(st.lists(st.integers(0, count), max_size=3)))
    parts = []
    for first, last in zip([0, *cuts], [*cuts, count], strict=True):
        history = draw(st.sets(st.integers(0, count), max_size=30))
        parts.append(
            Part(
                live=[place for place in shuffled[first:last] if place not in history],
                backfill=[place for place in shuffled[first:last] if place in history],
                by_executors=draw(st.booleans()),
            )
        )
    return History(base_bars, versions, poison, parts)


def load(feed: Feed, live: list[Record], backfill: list[Record], *, by_executors: bool, limit: int = 1_000_000) -> None:
    feed.publish(live)
    feed.publish(backfill, backfill=True)
    feed.load(driver_messages=0 if by_executors else 10_000, max_messages_per_batch=limit)


@pytest.fixture(scope="module")
def deadline(spark: SparkSession) -> float:
    return time.monotonic() + _SECONDS


# Without shrinking, which would load for minutes: the example is printed as it was found.
@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(histories(), st.sampled_from([40, 1_000_000]))
def test_any_order_and_any_batches_end_in_identical_tables(
    warehouse: Warehouse,
    environment: dict[str, str],
    admin: AdminClient,
    producer: Producer,
    spark: SparkSession,
    deadline: float,
    history: History,
    limit: int,
) -> None:
    if time.monotonic() > deadline:
        return
    good, bad = history.good, history.bad
    messages = good + bad
    wanted = expected(good)
    warehouse.empty()
    with fresh_feed(environment, admin, producer, spark) as feed:
        for part in history.parts:
            live, backfill = ([messages[place] for place in places] for places in (part.live, part.backfill))
            load(feed, live, backfill, by_executors=part.by_executors, limit=limit)
    warehouse.assert_counts_agree()
    assert found(warehouse) == wanted
    assert warehouse.rows("SELECT count(*) FROM ops.dead_letters") == [(len(bad),)]
    assert warehouse.rows("SELECT count(*) FROM raw.bars") == [(len(good),)]
    scattered = warehouse.market()
    warehouse.empty()
    with fresh_feed(environment, admin, producer, spark) as feed:
        load(feed, messages, [], by_executors=False)
    assert warehouse.market() == scattered


@pytest.mark.parametrize("writer", ["driver", "executors"])
def test_backfill_beside_live_of_the_same_symbol_in_one_batch(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    live = [bar(number, f"{100 + number}", fetched_at=fetched(1)) for number in range(100, 170)]
    past = [bar(number, f"{100 + number}", fetched_at=fetched(2)) for number in range(105)]
    load(feed, live, past, by_executors=writer == "executors")
    assert found(warehouse) == expected(live + past)
    warehouse.assert_counts_agree()
