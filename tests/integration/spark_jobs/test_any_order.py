"""Live, backfilled, doubled, corrected, split and re-ordered input end in identical tables."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.expected import expected, found
from tests.integration.spark_jobs.feed import Feed, Record, bar, dividend, fetched, fresh_feed, settings_of, split
from tests.integration.spark_jobs.memory_feed import MemoryFeed
from tests.integration.spark_jobs.warehouse import MARKET_TABLES, Warehouse

_SYMBOLS = ("MSFT", "IBM")
_SOURCES = ("alpha_vantage", "alpha_vantage", "coinbase")
_PRICES = ("99.5", "100", "100.00", "100.10000001", "7")
_RATIOS = ("2", "2.0000", "1.046", "0.1", "1")
#: No example of both writers starts later than this after the first: a busy machine tries fewer.
_SECONDS = 75
_POISON: list[Record] = [(b"MSFT", b"nonsense"), (b"IBM", None), bar(3, "0"), bar(3, "1", symbol="ENRN")]
_BAD_ACTIONS: list[Record] = [(b"MSFT", b"nonsense"), split(600, "0"), split(600, "2", symbol="ENRN")]
#: The first bar is of 10:00, midnight of two dates in different zones: a window may have two splits.
_FIRST = 600

#: Minute after the first bar, symbol, close, second of fetched_at, source.
Version = tuple[int, str, str, int, str]
#: Minute after the first bar, symbol, ratio or amount, second of fetched_at, source, day of the ex-date, is a dividend.
Action = tuple[int, str, str, int, str, int, bool]

_versions = st.tuples(
    # Near the base, in its middle, far from it on both sides of a day's gap.
    st.integers(0, 12) | st.integers(55, 90) | st.sampled_from([1400, 2900, 5000]),
    st.sampled_from(_SYMBOLS),
    st.sampled_from(_PRICES),
    st.integers(0, 3),
    st.sampled_from(_SOURCES),
)
_actions = st.tuples(
    st.integers(0, 80),
    st.sampled_from(_SYMBOLS),
    st.sampled_from(_RATIOS),
    st.integers(0, 3),
    st.sampled_from(_SOURCES),
    st.integers(1, 2),
    st.sampled_from([False, False, False, True]),
)


@dataclass(frozen=True)
class Part:
    """What one load finds: places in the list of all messages, of each topic, and who writes them."""

    live: list[int]
    backfill: list[int]
    actions: list[int]
    by_executors: bool


@dataclass(frozen=True)
class History:
    """All messages, first those that keep the contract, and how loads come upon them."""

    base_bars: dict[str, int]
    versions: list[Version]
    actions: list[Action]
    poison: int
    parts: list[Part]

    @property
    def good(self) -> list[Record]:
        base = [
            bar(
                _FIRST + number,
                f"{100 + number % 13}.{number:02}",
                high=f"{115 + number % 5}",
                low=f"{99 - number % 7}.5",
                symbol=symbol,
                fetched_at=fetched(1),
            )
            for symbol, bars in self.base_bars.items()
            for number in range(bars)
        ]
        versions = [
            bar(_FIRST + number, close, symbol=symbol, fetched_at=fetched(second), source=source)
            for number, symbol, close, second, source in self.versions
        ]
        return base + versions

    @property
    def good_actions(self) -> list[Record]:
        def message(action: Action) -> Record:
            number, symbol, value, second, source, day, is_dividend = action
            make: Callable[..., Record] = dividend if is_dividend else split
            said: dict[str, Any] = {"symbol": symbol, "source": source, "ex_date": f"2024-03-0{day}"}
            return make(_FIRST + number, value, fetched_at=fetched(second), **said)

        return [message(action) for action in self.actions]

    @property
    def bad(self) -> list[Record]:
        return _POISON[: self.poison]

    @property
    def bad_actions(self) -> list[Record]:
        return _BAD_ACTIONS[: self.poison]


@st.composite
def histories(draw: st.DrawFn, writers: st.SearchStrategy[bool]) -> History:
    """A base of bars, versions of some of them, splits and dividends, poison: all shuffled into parts."""
    base_bars = {"MSFT": draw(st.sampled_from([0, 8, 64, 75])), "IBM": draw(st.sampled_from([0, 0, 8, 64]))}
    versions = draw(st.lists(_versions, max_size=25))
    versions += versions[:2]
    actions = draw(st.lists(_actions, max_size=6))
    actions += actions[:1]
    poison = draw(st.integers(0, len(_POISON)))
    history = History(base_bars, versions, actions, poison, [])
    bars, others = len(history.good + history.bad), len(history.good_actions + history.bad_actions)
    shuffled = draw(st.permutations(range(bars)))
    shuffled_actions = draw(st.permutations(range(others)))
    parts = draw(st.integers(1, 3))
    cuts = [0, *sorted(draw(st.integers(0, bars)) for _ in range(parts - 1)), bars]
    action_cuts = [0, *sorted(draw(st.integers(0, others)) for _ in range(parts - 1)), others]
    for place in range(parts):
        past = draw(st.sets(st.integers(0, bars), max_size=30))
        mine = shuffled[cuts[place] : cuts[place + 1]]
        history.parts.append(
            Part(
                live=[each for each in mine if each not in past],
                backfill=[each for each in mine if each in past],
                actions=shuffled_actions[action_cuts[place] : action_cuts[place + 1]],
                by_executors=draw(writers),
            )
        )
    return history


def publish_and_load(
    feed: Feed | MemoryFeed,
    live: list[Record],
    backfill: list[Record],
    actions: list[Record],
    *,
    by_executors: bool = False,
    limit: int = 1_000_000,
) -> None:
    feed.publish(live)
    feed.publish(backfill, backfill=True)
    feed.publish_actions(*actions)
    feed.load(driver_messages=0 if by_executors else 10_000, max_messages_per_batch=limit)


def load_and_check(feed: Feed | MemoryFeed, warehouse: Warehouse, history: History, limit: int) -> None:
    """Loads a history part by part into empty tables, and compares them with what plain Python computes."""
    bars, actions = history.good + history.bad, history.good_actions + history.bad_actions
    for part in history.parts:
        publish_and_load(
            feed,
            [bars[place] for place in part.live],
            [bars[place] for place in part.backfill],
            [actions[place] for place in part.actions],
            by_executors=part.by_executors,
            limit=limit,
        )
    warehouse.assert_counts_agree()
    assert found(warehouse) == expected(history.good, history.good_actions)
    assert warehouse.rows(
        "SELECT (SELECT count(*) FROM ops.dead_letters), (SELECT count(*) FROM raw.bars),"
        " (SELECT count(*) FROM raw.actions)"
    ) == [(len(history.bad + history.bad_actions), len(history.good), len(history.good_actions))]


#: Without shrinking, which would load for minutes: the example is printed as it was found.
_AS_FOUND: dict[str, Any] = {
    "deadline": None,
    "phases": [Phase.explicit, Phase.reuse, Phase.generate],
    "suppress_health_check": list(HealthCheck),
}


@settings(max_examples=200, **_AS_FOUND)
@given(histories(st.just(False)), st.sampled_from([60, 1_000_000, 1_000_000, 1_000_000]))
def test_any_order_and_any_batches_end_in_identical_tables(
    warehouse: Warehouse, environment: dict[str, str], interpreted: SparkSession, history: History, limit: int
) -> None:
    warehouse.empty()
    with pytest.MonkeyPatch.context() as patch:
        feed = MemoryFeed(settings_of(environment, "live", "backfill", "actions"), interpreted, patch)
        load_and_check(feed, warehouse, history, limit)


@pytest.fixture(scope="module")
def deadline(spark: SparkSession) -> float:
    return time.monotonic() + _SECONDS


@settings(max_examples=10, **_AS_FOUND)
@given(histories(st.booleans()), st.sampled_from([40, 1_000_000]))
def test_driver_and_executors_one_load_and_many_and_a_replay_end_in_identical_tables(
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
    warehouse.empty()
    with fresh_feed(environment, admin, producer, spark) as feed:
        load_and_check(feed, warehouse, history, limit)
    scattered = warehouse.market()
    warehouse.empty()
    everything: tuple[list[Record], ...] = (history.good + history.bad, [], history.good_actions + history.bad_actions)
    with fresh_feed(environment, admin, producer, spark) as feed:
        publish_and_load(feed, *everything)
        assert warehouse.market() == scattered
        loaded = warehouse.dump(*MARKET_TABLES, with_versions=True)
        publish_and_load(feed, *everything)
    assert warehouse.dump(*MARKET_TABLES, with_versions=True) == loaded


@pytest.mark.parametrize("writer", ["driver", "executors"])
def test_backfill_beside_live_of_the_same_symbol_in_one_batch(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    live = [bar(number, f"{100 + number}", fetched_at=fetched(1)) for number in range(100, 170)]
    past = [bar(number, f"{100 + number}", fetched_at=fetched(2)) for number in range(105)]
    publish_and_load(feed, live, past, [], by_executors=writer == "executors")
    assert found(warehouse) == expected(live + past)
    warehouse.assert_counts_agree()
