"""Adjusted prices and the factors behind them, computed by hand."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from tests.integration.spark_jobs.warehouse import Rows, Warehouse

#: Day of January 2024, 20:59 UTC: the last regular minute of New York. Close of the day; a bar after it is 5 higher.
CLOSES = {8: "100", 9: "110", 10: "60", 11: "66", 12: "33"}


def act(warehouse: Warehouse, kind: str, day: str, value: str, currency: str = "", source: str = "b") -> None:
    """Lets a source have said something of MSFT, effective at New York's midnight."""
    warehouse.rows(
        "INSERT INTO ops.action_observations"
        " VALUES ('MSFT', %s, %s, %s, (%s || ' 00:00 America/New_York')::timestamptz, %s, %s, now())",
        *(source, kind, day, day, value, currency),
    )


def factors(warehouse: Warehouse, source: str = "a") -> Rows:
    return warehouse.rows(
        "SELECT to_char(valid_from, 'DD'), to_char(valid_until, 'DD'), split_factor::float8, total_factor::float8"
        "  FROM market.adjustment_factors WHERE symbol = 'MSFT' AND source = %s ORDER BY valid_from",
        source,
    )


def trade(warehouse: Warehouse, source: str, day: int, close: str) -> None:
    """A session's last regular bar, and one an hour later that is 5 higher."""
    for hour, minute, higher in ((20, 59, 0), (22, 0, 5)):
        warehouse.rows(
            "INSERT INTO market.bars_1m SELECT 'MSFT', %s, make_timestamptz(2024, 1, %s, %s, %s, 0, 'UTC'),"
            " p, p, p, p, 10, now() FROM (SELECT %s::numeric + %s AS p) price",
            *(source, day, hour, minute, close, higher),
        )


def open_on(warehouse: Warehouse, *days: int) -> None:
    """New York trades on these days of January 2024, and on no others."""
    warehouse.rows("TRUNCATE market.sessions")
    for day in days:
        warehouse.rows(
            "INSERT INTO market.sessions VALUES ('XNYS', make_date(2024, 1, %s),"
            " tstzmultirange(tstzrange(make_timestamptz(2024, 1, %s, 14, 30, 0, 'UTC'),"
            " make_timestamptz(2024, 1, %s, 21, 0, 0, 'UTC'))))",
            *(day, day, day),
        )


@pytest.fixture
def stored(warehouse: Warehouse) -> Warehouse:
    """Five sessions of two sources, and their hours."""
    open_on(warehouse, *CLOSES)
    for day, close in CLOSES.items():
        for source in ("a", "b"):
            trade(warehouse, source, day, close)
    return warehouse


def closes(warehouse: Warehouse, view: str = "market.adjusted_bars_1m") -> list[tuple[Any, ...]]:
    return warehouse.rows(
        f"SELECT close::float8, volume::float8, total_return_close::float8 FROM {view}"
        " WHERE symbol = 'MSFT' AND source = 'a' AND extract(hour FROM ts) = 20 ORDER BY ts"
    )


def test_without_actions_prices_stay_as_they_are(stored: Warehouse) -> None:
    assert closes(stored) == [(float(close), 10, float(close)) for close in CLOSES.values()]
    assert factors(stored) == [(None, None, 1, 1)]


def test_splits_and_dividends_adjust_what_lies_before_them(stored: Warehouse) -> None:
    act(stored, "split", "2024-01-10", "2")
    act(stored, "dividend", "2024-01-11", "6", "USD")
    act(stored, "split", "2024-01-12", "0.5")
    # 6 of 60, the last regular close: what was traded after it does not count.
    assert factors(stored) == [
        (None, "10", 1.0, 1 / 0.9),
        ("10", "11", 0.5, pytest.approx(0.5 / 0.9, abs=1e-15)),
        ("11", "12", 0.5, 0.5),
        ("12", None, 1.0, 1.0),
    ]
    assert closes(stored) == [
        (100, 10, 90),
        (110, 10, 99),
        (120, 5, 108),
        (132, 5, 132),
        (33, 10, 33),
    ]
    assert closes(stored, "reports.adjusted_bars_1m") == closes(stored)


def test_the_published_example(warehouse: Warehouse) -> None:
    """Yahoo Finance Help, "What is the adjusted close?": the days of its table are those of January here."""
    table = {16: "46.99", 17: "48.30", 18: "24.96", 19: "24.91", 20: "24.95", 21: "24.53", 22: "24.54"}
    open_on(warehouse, *table)
    for day, close in table.items():
        trade(warehouse, "a", day, close)
    act(warehouse, "split", "2024-01-18", "2")
    act(warehouse, "dividend", "2024-01-21", "0.08", "USD")
    # The help's multiplier, 0.9968, is of the close of the 18th, 24.96; the last before the ex-date is 24.95.
    assert [round(close, 2) for *_, close in closes(warehouse)] == [23.42, 24.07, 24.88, 24.83, 24.87, 24.53, 24.54]


def test_a_dividend_on_the_day_of_a_split_is_in_new_shares(stored: Warehouse) -> None:
    act(stored, "split", "2024-01-10", "2")
    act(stored, "dividend", "2024-01-10", "5.5", "USD")
    # Half of 110 is 55 in new shares; 5.5 of that is a tenth.
    assert factors(stored) == [(None, "10", 2.0, pytest.approx(2 / 0.9, abs=1e-15)), ("10", None, 1.0, 1.0)]


@pytest.mark.parametrize(
    ("kind", "day", "value", "currency"),
    [
        ("split", "2024-01-10", "1", ""),
        ("dividend", "2024-01-10", "0", "USD"),
        ("dividend", "2024-01-10", "6", "EUR"),
        ("dividend", "2024-01-10", "110", "USD"),
        ("dividend", "2024-01-08", "6", "USD"),
        ("split", "2999-01-01", "2", ""),
        ("dividend", "2999-01-01", "6", "USD"),
    ],
    ids=[
        "withdrawn split", "withdrawn dividend", "other currency", "as much as the price", "before all bars",
        "announced split", "announced dividend",
    ],
)  # fmt: skip
def test_what_adjusts_nothing(stored: Warehouse, kind: str, day: str, value: str, currency: str) -> None:
    act(stored, kind, day, value, currency)
    assert closes(stored) == [(float(close), 10, float(close)) for close in CLOSES.values()]


def test_reports_list_what_stands(stored: Warehouse) -> None:
    act(stored, "split", "2024-01-10", "2")
    act(stored, "split", "2024-01-11", "1")
    act(stored, "dividend", "2024-01-12", "0", "USD")
    act(stored, "dividend", "2999-01-01", "6", "USD")
    listed = stored.rows("SELECT kind, ex_date::text, coalesce(ratio, amount) FROM reports.corporate_actions")
    assert sorted(listed) == [("dividend", "2999-01-01", 6), ("split", "2024-01-10", 2)]


def test_one_series_is_read_by_its_indexes(stored: Warehouse, owner: psycopg.Connection) -> None:
    """Of a hundred symbols, only the bars of the one that is named are looked at."""
    act(stored, "split", "2024-01-10", "2")
    stored.rows("ANALYZE market.bars_1m")
    with owner.transaction():
        owner.execute("SET LOCAL enable_seqscan = off")
        plan = "\n".join(
            row[0]
            for row in stored.rows(
                "EXPLAIN SELECT * FROM market.adjusted_bars_1m WHERE symbol = 'MSFT' AND source = 'a'"
                " AND ts BETWEEN '2024-01-10' AND '2024-01-11'"
            )
        )
    assert "Seq Scan on bars_1m" not in plan
    assert "Index Cond: (symbol = 'MSFT'::text)" in plan
