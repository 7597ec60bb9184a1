"""What was known at a past moment: what a loader that stopped then would hold."""

from __future__ import annotations

import datetime as dt
import re

import orjson
import psycopg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.integration.spark_jobs.expected import expected, normal
from tests.integration.spark_jobs.feed import Feed, Record, bar, fetched
from tests.integration.spark_jobs.warehouse import MARKET_TABLES, Rows, Warehouse

#: Minute, close, second of fetched_at.
Seen = tuple[int, str, int]


def moment(second: int) -> dt.datetime:
    """The time of `fetched(second)`."""
    return dt.datetime.fromisoformat(fetched(second))


def as_of(warehouse: Warehouse, second: int) -> Rows:
    return sorted(map(normal, warehouse.rows("SELECT * FROM market.bars_as_of(%s)", moment(second))), key=repr)


def current(warehouse: Warehouse) -> Rows:
    return sorted(map(normal, warehouse.rows("SELECT * FROM market.bars_1m")), key=repr)


def arrived_by(messages: list[Record], second: int) -> list[Record]:
    return [(key, raw) for key, raw in messages if raw and orjson.loads(raw)["fetched_at"] <= fetched(second)]


@settings(max_examples=12, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["1", "1.0", "2", "30"]), st.integers(1, 5)),
        min_size=1,
        max_size=30,
    )
)
def test_any_moment_shows_what_the_messages_until_then_amount_to(
    feed: Feed, warehouse: Warehouse, seen: list[Seen]
) -> None:
    warehouse.rows(f"TRUNCATE {', '.join(MARKET_TABLES)}")
    messages = [bar(minute, close, fetched_at=fetched(second)) for minute, close, second in seen]
    feed.publish(messages)
    feed.load()
    for second in range(7):
        assert as_of(warehouse, second) == expected(arrived_by(messages, second))["market.bars_1m"]
    assert as_of(warehouse, 6) == current(warehouse)


def test_the_past_is_what_a_loader_stopped_then_held(feed: Feed, warehouse: Warehouse) -> None:
    feed.publish([bar(number, f"{100 + number}", fetched_at=fetched(1)) for number in range(70)])
    feed.load()
    then = current(warehouse)
    feed.publish([bar(number, f"{200 + number}", fetched_at=fetched(2)) for number in range(60, 90)])
    feed.load()
    assert current(warehouse) != then
    assert as_of(warehouse, 1) == then


def test_revisions_are_listed_since_a_moment(feed: Feed, warehouse: Warehouse, environment: dict[str, str]) -> None:
    feed.publish([bar(0, "1", fetched_at=fetched(1)), bar(1, "5", fetched_at=fetched(1))])
    feed.publish([bar(0, "2", fetched_at=fetched(2)), bar(0, "3", fetched_at=fetched(3))])
    feed.publish([bar(1, "5", fetched_at=fetched(3))])
    feed.load()
    reader = environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_reader@")
    with psycopg.connect(reader, autocommit=True) as connection:
        found = connection.execute(
            "SELECT symbol, close_before, close, changed_at FROM reports.revised_bars"
            " WHERE changed_at >= %s ORDER BY changed_at",
            [moment(2)],
        ).fetchall()
    assert found == [("MSFT", 1, 2, moment(2)), ("MSFT", 2, 3, moment(3))]


def test_a_bars_past_is_found_by_its_key(warehouse: Warehouse) -> None:
    """Years of bars are not sorted to tell what one minute was."""
    plan = warehouse.rows(
        "EXPLAIN SELECT * FROM market.bars_as_of(now())"
        " WHERE symbol = 'MSFT' AND source = 'alpha_vantage' AND ts = '2024-03-01'"
    )
    text = "\n".join(line for (line,) in plan)
    assert "Function Scan" not in text
    scans = re.findall(r"(?:Index Cond|Recheck Cond|Filter): .*symbol = 'MSFT'", text)
    assert len(scans) >= 2, text
