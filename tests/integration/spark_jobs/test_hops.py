"""How long a batch's slowest live message was under way: kept with the batch, and sent as metrics."""

from __future__ import annotations

import datetime as dt
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from marketpulse_spark.load import load

from tests.integration.spark_jobs.feed import Feed, Record, bar
from tests.integration.spark_jobs.news_feed import NewsFeed, story
from tests.integration.spark_jobs.warehouse import Warehouse
from tests.sent_metrics import receiving_metrics, sent_lines
from tests.unit.spark_jobs.messages import instant

HOPS = ("fetched", "kafka", "spark", "commit", "visible")
WRITERS = pytest.mark.parametrize("writer", ["driver", "executors"])
#: Kafka's clock has milliseconds.
CLOCK = 0.002


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """Where loads of this process send their metrics."""
    with receiving_metrics(monkeypatch) as receiver:
        yield receiver


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def minute_before(seconds: float) -> dt.datetime:
    """The end of the newest minute that had ended so many seconds ago."""
    return (now() - dt.timedelta(seconds=seconds)).replace(second=0, microsecond=0)


def ended(at: dt.datetime, fetched_at: dt.datetime, close: str = "100", **changes: Any) -> Record:
    """A bar whose minute ended then."""
    start = f"{at - dt.timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"
    return bar(0, close, ts=start, fetched_at=instant(fetched_at), **changes)


def hops(warehouse: Warehouse) -> list[dict[str, Any]]:
    """The newest batches with their hops, the newest first."""
    names = ("batch_id", "happened_at", *(f"{hop}_seconds" for hop in HOPS), "total_seconds")
    rows = warehouse.rows(f"SELECT {', '.join(names)} FROM ops.batch_hops ORDER BY batch_id DESC")
    return [dict(zip(names, row, strict=True)) for row in rows]


def sent(receiver: socket.socket, dataset: str) -> dict[str, float]:
    """Seconds of each hop that was sent as a metric."""
    named = [line.rsplit(":", 1) for line in sent_lines(receiver) if line.startswith("marketpulse.hop,")]
    found = {name: float(value.removesuffix("|ms")) / 1000 for name, value in named}
    prefix = f"marketpulse.hop,dataset={dataset},hop="
    assert len(found) == len(named), "a hop was sent twice"
    assert all(name.startswith(prefix) for name in found)
    return {name.removeprefix(prefix): seconds for name, seconds in found.items()}


@WRITERS
def test_hops_of_live_bars_add_up_and_are_sent(
    feed: Feed, warehouse: Warehouse, receiver: socket.socket, writer: str
) -> None:
    newest, fetched_at = minute_before(0), now()
    before = newest - dt.timedelta(minutes=1)
    feed.publish([ended(before, fetched_at, symbol="IBM")])
    feed.publish([ended(newest - dt.timedelta(minutes=back), fetched_at) for back in range(5)])
    feed.publish([ended(newest - dt.timedelta(days=1), fetched_at)], backfill=True)
    published_by = now()
    feed.load(driver_messages=10_000 if writer == "driver" else 0)
    loaded_by = now()

    (found,) = hops(warehouse)
    seconds = {hop: found[f"{hop}_seconds"] for hop in HOPS}
    assert found["happened_at"] == before
    assert seconds["fetched"] == pytest.approx((fetched_at - before).total_seconds(), abs=1e-5)
    assert -CLOCK < seconds["kafka"] < (published_by - fetched_at).total_seconds() + CLOCK
    assert -CLOCK < seconds["spark"] < (loaded_by - fetched_at).total_seconds()
    assert seconds["commit"] > 0
    assert seconds["visible"] > 0
    assert found["total_seconds"] == pytest.approx(sum(seconds.values()), abs=1e-5)
    assert found["total_seconds"] < (loaded_by - before).total_seconds()
    expected = {hop: max(each, 0) for hop, each in (seconds | {"total": found["total_seconds"]}).items()}
    assert sent(receiver, "bars") == pytest.approx(expected, abs=1e-5)


@WRITERS
def test_history_has_no_hops(feed: Feed, warehouse: Warehouse, receiver: socket.socket, writer: str) -> None:
    """What is backfilled or imported, a first fetch of a closed market, a correction, a double."""
    known, fetched_at = minute_before(0), now()
    driver_messages = 10_000 if writer == "driver" else 0
    feed.publish([ended(known, fetched_at)])
    feed.load(driver_messages=driver_messages)
    assert len(hops(warehouse)) == 1
    assert sent(receiver, "bars").keys() == {*HOPS, "total"}

    feed.publish([ended(known, now(), "101"), ended(known, fetched_at)])
    feed.publish(ended(known - dt.timedelta(minutes=back), now(), symbol="IBM") for back in range(900, 930))
    feed.publish([ended(minute_before(0), now(), symbol="BTCUSD")], backfill=True)
    feed.load(driver_messages=driver_messages)

    assert warehouse.rows("SELECT DISTINCT state, visible_at >= committed_at FROM ops.batches") == [("succeeded", True)]
    assert warehouse.rows("SELECT sum(messages) FROM ops.batch_ranges") == [(34,)]
    assert len(hops(warehouse)) == 1
    assert sent(receiver, "bars") == {}


def test_what_came_while_spark_was_at_work_has_not_waited_for_it(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish([ended(minute_before(0), now())])
    load(feed.settings, time.time() - 60, lambda: feed.spark)

    (found,) = hops(warehouse)
    assert found["spark_seconds"] == 0
    assert 0 < found["commit_seconds"] < 60


def test_the_slowest_of_a_batch_is_that_of_all_its_ranges(feed: Feed, warehouse: Warehouse) -> None:
    newest, fetched_at = minute_before(0), now()
    for partition, back in ((0, 1), (1, 3)):
        late = ended(newest - dt.timedelta(minutes=back), fetched_at, symbol=("MSFT", "IBM")[partition])
        feed.publish([late], partition=partition)
    feed.load()
    assert [found["happened_at"] for found in hops(warehouse)] == [newest - dt.timedelta(minutes=3)]


def test_hops_of_news(news: NewsFeed, warehouse: Warehouse, receiver: socket.socket) -> None:
    fetched_at = now()
    ages = [dt.timedelta(minutes=40), dt.timedelta(minutes=5), dt.timedelta(hours=9)]
    times = [(fetched_at - age).replace(microsecond=0) for age in ages]
    news.publish(
        [
            story(number, 0, published_at=f"{at:%Y-%m-%dT%H:%M:%SZ}", fetched_at=instant(fetched_at))
            for number, at in enumerate(times)
        ]
    )
    news.load()

    (found,) = hops(warehouse)
    assert found["happened_at"] == times[1]
    assert found["fetched_seconds"] == pytest.approx((fetched_at - times[1]).total_seconds(), abs=1e-5)
    assert sent(receiver, "news")["total"] == pytest.approx(found["total_seconds"], abs=1e-5)


def test_old_news_has_no_hops(news: NewsFeed, warehouse: Warehouse, receiver: socket.socket) -> None:
    news.publish([story(number, number, fetched_at=instant(now())) for number in range(3)])
    news.load()
    assert warehouse.rows("SELECT state FROM ops.batches") == [("succeeded",)]
    assert hops(warehouse) == []
    assert sent(receiver, "news") == {}
