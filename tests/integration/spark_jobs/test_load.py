"""What a load makes of messages: bars, versions, duplicates, dead letters, counts."""

from __future__ import annotations

import datetime as dt

import pytest

from tests.integration.spark_jobs.feed import Feed, bar, fetched
from tests.integration.spark_jobs.warehouse import LOADED_TABLES, MARKET_TABLES, Rows, Warehouse
from tests.unit.spark_jobs.messages import POISON

WRITERS = pytest.mark.parametrize("writer", ["driver", "executors"])


def load(feed: Feed, writer: str) -> None:
    if writer == "driver":
        feed.load()
    else:
        feed.load_by_executors()


def closes(warehouse: Warehouse, table: str) -> Rows:
    """Minute, close and second of fetched_at."""
    return warehouse.rows(
        f"SELECT to_char(ts, 'HH24:MI'), close::float8, to_char(fetched_at, 'SS') FROM {table} ORDER BY ts, fetched_at"
    )


@WRITERS
def test_first_load_and_a_second_one_that_changes_no_row(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    symbols = ("MSFT", "IBM", "BTCUSD")
    feed.publish(bar(number, f"{100 + number}", symbol=symbol) for number in range(90) for symbol in symbols)
    load(feed, writer)
    warehouse.assert_counts_agree()
    assert warehouse.rows("SELECT count(*), sum(close) FROM market.bars_1m") == [(270, 3 * sum(range(100, 190)))]
    assert warehouse.rows("SELECT count(sma_5), count(sma_60), count(change_60) FROM analytics.indicators_1m") == [
        (3 * 86, 3 * 31, 3 * 30)
    ]
    assert warehouse.rows("SELECT state, writer, newest_bar::text, error FROM ops.batches") == [
        ("succeeded", writer, "2024-03-01 01:29:00+00", None)
    ]
    before = warehouse.dump(*LOADED_TABLES, with_versions=True)
    load(feed, writer)
    assert warehouse.dump(*LOADED_TABLES, with_versions=True) == before


@WRITERS
def test_duplicates_change_no_row_of_the_market(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    records = [bar(number, f"{100 + number}", fetched_at=fetched(1)) for number in range(70)]
    feed.publish([*records, *records[:10]])
    load(feed, writer)
    before = warehouse.dump(*MARKET_TABLES, with_versions=True)
    feed.publish(records)
    feed.publish(records, backfill=True)
    feed.publish([bar(3, "103.00", fetched_at=fetched(1))])
    load(feed, writer)
    assert warehouse.dump(*MARKET_TABLES, with_versions=True) == before
    assert warehouse.rows("SELECT sum(messages), sum(duplicates), sum(applied) FROM ops.batch_ranges") == [
        (221, 151, 70)
    ]
    warehouse.assert_counts_agree()


@WRITERS
def test_same_values_fetched_later_are_a_duplicate(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    feed.publish([bar(0, "1", fetched_at=fetched(1))])
    load(feed, writer)
    before = warehouse.dump("market.bars_1m", "analytics.indicators_1m", with_versions=True)
    feed.publish([bar(0, "1.00", fetched_at=fetched(2))])
    load(feed, writer)
    assert warehouse.dump("market.bars_1m", "analytics.indicators_1m", with_versions=True) == before
    assert warehouse.rows("SELECT duplicates, applied FROM ops.batch_ranges ORDER BY start_offset") == [(0, 1), (1, 0)]
    assert closes(warehouse, "ops.bar_confirmations") == [("00:00", 1.0, "02")]


@WRITERS
@pytest.mark.parametrize("batches", [1, 3], ids=["in one batch", "one by one"])
def test_revisions_keep_what_was_known_before(feed: Feed, warehouse: Warehouse, writer: str, batches: int) -> None:
    versions = [bar(0, close, fetched_at=fetched(second)) for second, close in enumerate(("1", "2", "1"))]
    for batch in [versions] if batches == 1 else [[version] for version in versions]:
        feed.publish(batch)
        load(feed, writer)
    assert closes(warehouse, "market.bars_1m") == [("00:00", 1.0, "02")]
    assert closes(warehouse, "market.bar_revisions") == [("00:00", 1.0, "00"), ("00:00", 2.0, "01")]
    assert warehouse.rows("SELECT sum(applied) FROM ops.batch_ranges") == [(3,)]
    warehouse.assert_counts_agree()


@WRITERS
def test_late_older_version_becomes_a_revision(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    feed.publish(bar(number, str(number + 1), fetched_at=fetched(9)) for number in range(7))
    load(feed, writer)
    before = warehouse.dump("market.bars_1m", "analytics.indicators_1m", with_versions=True)
    feed.publish([bar(2, "50", fetched_at=fetched(3))], backfill=True)
    load(feed, writer)
    assert warehouse.dump("market.bars_1m", "analytics.indicators_1m", with_versions=True) == before
    assert closes(warehouse, "market.bar_revisions") == [("00:02", 50.0, "03")]


@WRITERS
def test_late_version_between_a_bar_and_its_confirmation_stays_a_revision(
    feed: Feed, warehouse: Warehouse, writer: str
) -> None:
    """What was confirmed later than another version was seen is still what is true."""
    feed.publish([bar(number, "1", fetched_at=fetched(1)) for number in range(7)])
    feed.publish([bar(2, "1", fetched_at=fetched(3))])
    load(feed, writer)
    feed.publish([bar(2, "50", fetched_at=fetched(2))])
    load(feed, writer)
    assert closes(warehouse, "market.bars_1m")[2] == ("00:02", 1.0, "03")
    assert closes(warehouse, "market.bar_revisions") == [("00:02", 1.0, "01"), ("00:02", 50.0, "02")]
    assert warehouse.rows("SELECT DISTINCT sma_5, change_1 FROM analytics.indicators_1m WHERE sma_5 <> 1") == []
    warehouse.assert_counts_agree()


@WRITERS
def test_late_older_message_of_the_same_values_moves_the_bars_first_sight(
    feed: Feed, warehouse: Warehouse, writer: str
) -> None:
    feed.publish([bar(0, "1", fetched_at=fetched(9))])
    load(feed, writer)
    feed.publish([bar(0, "1", fetched_at=fetched(3))])
    load(feed, writer)
    assert closes(warehouse, "market.bars_1m") == [("00:00", 1.0, "03")]
    assert closes(warehouse, "ops.bar_confirmations") == [("00:00", 1.0, "09")]
    assert closes(warehouse, "market.bar_revisions") == []


@WRITERS
def test_a_correction_recomputes_the_indicators_after_it(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    feed.publish(bar(number, "100") for number in range(200))
    load(feed, writer)
    before: dict[dt.datetime, str] = dict(warehouse.rows("SELECT ts, xmin::text FROM analytics.indicators_1m"))
    feed.publish([bar(50, "160", fetched_at=fetched(1))])
    load(feed, writer)
    assert warehouse.rows("SELECT sma_60, change_1 FROM analytics.indicators_1m WHERE ts = '2024-03-01 01:00Z'") == [
        (101.0, 0.0)
    ]
    after: dict[dt.datetime, str] = dict(warehouse.rows("SELECT ts, xmin::text FROM analytics.indicators_1m"))
    rewritten = sorted(f"{ts:%H:%M}" for ts, version in after.items() if before[ts] != version)
    assert (rewritten[0], rewritten[-1], len(rewritten)) == ("00:50", "01:50", 61)


@WRITERS
def test_poison_of_every_kind_is_kept_and_stops_nothing(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    huge = b'{"blob": "' + b"x" * 2_000_000 + b'"}'
    poison = [(key, raw) for _, _, key, raw in POISON] + [(b"MSFT", huge)]
    reasons = [reason for _, reason, _, _ in POISON] + ["bad_field"]
    # The symbols of these messages are MSFT (known) and ENRN; the broker's clock makes some of them bars of the past.
    known = [place for place, (name, *_) in enumerate(POISON) if name != "future bar"]
    poison, reasons = [poison[place] for place in [*known, -1]], [reasons[place] for place in [*known, -1]]
    feed.publish(poison, partition=0)
    feed.publish([bar(number, "100") for number in range(100)])
    feed.publish(poison, backfill=True, partition=1)
    load(feed, writer)
    warehouse.assert_counts_agree()
    for topic, partition in ((feed.live, 0), (feed.backfill, 1)):
        kept = warehouse.rows(
            "SELECT reason, payload FROM ops.dead_letters WHERE topic = %s AND partition = %s ORDER BY kafka_offset",
            topic,
            partition,
        )
        assert [reason for reason, _ in kept] == reasons
        assert [payload for _, payload in kept] == [raw for _, raw in poison]
    assert warehouse.rows("SELECT count(*) FROM market.bars_1m") == [(100,)]


@WRITERS
def test_batch_of_nothing_but_poison(feed: Feed, warehouse: Warehouse, writer: str) -> None:
    feed.publish([(b"MSFT", b"nonsense")] * 3)
    load(feed, writer)
    warehouse.assert_counts_agree()
    assert warehouse.rows("SELECT messages, dead_letters, newest_bar FROM ops.batch_ranges") == [(3, 3, None)]


def test_nothing_published_is_a_quick_success(feed: Feed, warehouse: Warehouse) -> None:
    feed.load()
    assert warehouse.rows("SELECT count(*) FROM ops.batches") == [(0,)]
    assert warehouse.rows("SELECT topic, next_offset FROM ops.kafka_offsets ORDER BY 1, 2") == [
        (topic, 0) for topic in sorted(feed.settings.topics) for _ in range(2)
    ]


def test_driver_and_executors_write_the_same(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(
        bar(number, f"{100 + number % 7}", symbol=symbol) for number in range(90) for symbol in ("MSFT", "IBM")
    )
    feed.publish((bar(number, "7", symbol="IBM", fetched_at=fetched(5)) for number in range(80, 120)), backfill=True)
    feed.publish([(b"IBM", b"nonsense")])
    dumps = []
    for writer in ("driver", "executors"):
        warehouse.empty()
        load(feed, writer)
        ranges = warehouse.rows(
            "SELECT topic, partition, start_offset, end_offset, messages, dead_letters, duplicates, newest_bar"
            "  FROM ops.batch_ranges ORDER BY 1, 2, 3"
        )
        raw = warehouse.rows("SELECT topic, partition, kafka_offset, symbol, ts, close FROM raw.bars ORDER BY 1, 2, 3")
        dumps.append((warehouse.market(), ranges, raw))
    assert dumps[0] == dumps[1]


def test_limit_splits_into_batches_live_first(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(bar(number, "1") for number in range(25))
    feed.publish((bar(number, "1") for number in range(25, 50)), backfill=True)
    feed.load(max_messages_per_batch=10)
    warehouse.assert_counts_agree()
    ranges = warehouse.rows(
        "SELECT batch_id - min(batch_id) OVER (), topic = %s, messages FROM ops.batch_ranges ORDER BY 1, 2 DESC",
        feed.live,
    )
    assert ranges == [(0, True, 10), (1, True, 10), (2, True, 5), (3, False, 10), (4, False, 10), (5, False, 5)]
    assert warehouse.rows("SELECT count(*) FROM market.bars_1m") == [(50,)]


def test_raw_and_market_alone(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish(bar(number, "1") for number in range(5))
    feed.publish((bar(number, "2", fetched_at=fetched(1)) for number in range(5)), backfill=True)
    feed.load_by_executors(with_indicators=False)
    warehouse.assert_counts_agree()
    assert warehouse.rows("SELECT sum(close), count(*) FROM market.bars_1m") == [(10, 5)]
    assert warehouse.rows("SELECT count(*) FROM analytics.indicators_1m") == [(0,)]
