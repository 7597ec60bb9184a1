"""Which closes, shares and cash a portfolio is valued by."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from marketpulse_spark.build_daily import read_valuations
from marketpulse_spark.portfolio_schemas import VALUATIONS, names

from tests.integration.spark_jobs.portfolios import CLOSES, MINUTE, Market, empty, settings
from tests.integration.spark_jobs.warehouse import Warehouse

MON, TUE, WED, THU, FRI = (dt.date(2024, 1, day) for day in range(8, 13))


@pytest.fixture
def market(warehouse: Warehouse) -> Iterator[Market]:
    """Five sessions of New York, a sixth to come."""
    empty(warehouse)
    market = Market(warehouse)
    market.open_on([MON, TUE, WED, THU, FRI, dt.date(2999, 1, 1)])
    yield market
    empty(warehouse)


def at(day: dt.date, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(day.year, day.month, day.day, hour, minute, tzinfo=dt.UTC)


def read(environment: Mapping[str, str], session: dt.date = FRI) -> list[dict[str, Any]]:
    """The rows, by portfolio, symbol and session."""
    table = read_valuations(settings(environment, session))
    assert table.column_names == names(VALUATIONS)
    return sorted(table.to_pylist(), key=lambda row: (row["portfolio"], row["symbol"], row["session"]))


def column(rows: list[dict[str, Any]], name: str, symbol: str = "MSFT") -> list[Any]:
    """What a column says of a symbol, session by session; the next session's comes last."""
    return [row[name] for row in rows if row["symbol"] == symbol]


def test_the_close_is_of_the_last_bar_within_the_hours(environment: dict[str, str], market: Market) -> None:
    market.hold(MON, {"MSFT": 10}, cash=5)
    market.trade("MSFT", at(MON, 14, 29), 1)
    market.trade("MSFT", at(TUE, 14, 30), 2)
    market.trade("MSFT", at(WED, 20, 58), 3)
    market.trade("MSFT", at(WED, 20, 59), 4)
    market.trade("MSFT", at(WED, 21), 5)
    market.trade("MSFT", at(THU, 3), 6)
    rows = read(environment)
    assert column(rows, "session") == [MON, TUE, WED, THU, FRI, dt.date(2999, 1, 1)]
    assert column(rows, "close") == [None, 2, 4, None, None, None]
    assert column(rows, "priced_at")[1:3] == [at(TUE, 14, 30), at(WED, 20, 59)]
    assert column(rows, "shares") == [10] * 6
    assert column(rows, "cash") == [5] * 6
    assert column(rows, "is_benchmark", "IBM") == [True] * 6
    assert column(rows, "is_benchmark") == [False] * 6
    assert column(rows, "sessions_per_year") == [252] * 6


def test_a_half_day_ends_earlier(environment: dict[str, str], market: Market) -> None:
    market.rows("DELETE FROM market.sessions WHERE session = %s", WED)
    market.open_on([WED], closes=dt.time(18))
    market.hold(MON, {"MSFT": 1})
    market.trade("MSFT", at(WED, 17, 59), 3)
    market.trade("MSFT", at(WED, 18), 4)
    assert column(read(environment), "close")[2] == 3


def test_between_two_sources_the_consensus_decides(environment: dict[str, str], market: Market) -> None:
    market.rows("TRUNCATE market.source_ranks, market.reconciliation")
    market.rows("INSERT INTO market.source_ranks VALUES ('b', 1), ('a', 2)")
    market.hold(MON, {"MSFT": 1})
    market.close("MSFT", MON, 10, "a")
    market.close("MSFT", MON, 20, "b")
    market.close("MSFT", TUE, 30, "a")
    market.trade("MSFT", at(TUE, 20, 58), 40, "b")
    rows = read(environment)
    market.rows("TRUNCATE market.source_ranks")
    # The higher-ranked source; and the one that has the last minute.
    assert column(rows, "close")[:2] == [20, 30]


def test_splits_and_dividends_change_shares_and_cash(environment: dict[str, str], market: Market) -> None:
    market.hold(TUE, {"MSFT": 10, "IBM": -4}, cash=100)
    market.act("MSFT", "split", TUE, "3")
    market.act("MSFT", "dividend", WED, "2", "USD")
    market.act("MSFT", "split", THU, "2")
    market.act("MSFT", "dividend", FRI, "1", "USD")
    market.act("IBM", "dividend", FRI, "0.5", "USD")
    market.act("MSFT", "dividend", FRI - dt.timedelta(days=1000), "9", "USD")
    rows = read(environment)
    # Ten as counted on Tuesday, so Tuesday's split is in them.
    assert column(rows, "shares") == [0, 10, 10, 20, 20, 20]
    assert column(rows, "shares", "IBM") == [0, -4, -4, -4, -4, -4]
    assert column(rows, "cash") == [None, 100, 120, 120, 138, 138]
    assert column(rows, "split")[1:] == [3, 1, 2, 1, 1]
    assert column(rows, "dividend")[1:] == [0, 2, 0, 1, 0]


@pytest.mark.parametrize(("kind", "value", "currency"), [("dividend", "2", "EUR"), ("dividend", "0", "USD")])
def test_a_dividend_in_another_currency_or_withdrawn_brings_nothing(
    environment: dict[str, str], market: Market, kind: str, value: str, currency: str
) -> None:
    market.hold(MON, {"MSFT": 10})
    market.act("MSFT", kind, WED, value, currency)
    rows = read(environment)
    assert (column(rows, "cash"), column(rows, "dividend")) == ([0] * 6, [0] * 6)


def test_holdings_are_of_their_sessions_the_next_one_included(environment: dict[str, str], market: Market) -> None:
    market.hold(MON, {"MSFT": 10}, cash=1)
    market.hold(WED, {"IBM": 5}, cash=2)
    market.hold(dt.date(2024, 1, 13), {"MSFT": 7, "IBM": 1}, cash=3)
    rows = read(environment)
    assert column(rows, "shares") == [10, 10, 0, 0, 0, 7]
    assert column(rows, "shares", "IBM") == [0, 0, 5, 5, 5, 1]
    assert column(rows, "cash") == [1, 1, 2, 2, 2, 3]


def test_what_has_no_session_or_none_that_is_over_is_left_out(environment: dict[str, str], market: Market) -> None:
    market.rows("UPDATE market.instruments SET calendar = '24/7' WHERE symbol = 'BTCUSD'")
    market.open_on([dt.date(2024, 1, 13), dt.date(2024, 1, 14)], "24/7")
    market.hold(MON, {"MSFT": 1}, portfolio="shares")
    market.hold(MON, {"BTCUSD": 1}, portfolio="coins", benchmark="BTCUSD")
    market.hold(THU, {"MSFT": 1}, portfolio="later")
    assert {row["portfolio"] for row in read(environment, WED)} == {"shares"}
    assert {row["portfolio"] for row in read(environment, FRI)} == {"later", "shares"}
    saturday = read(environment, dt.date(2024, 1, 13))
    assert {(row["portfolio"], row["sessions_per_year"]) for row in saturday} == {("coins", 365)}
    assert read(environment, dt.date(2999, 1, 1)) == []


def test_a_coin_among_shares_is_priced_within_their_hours(environment: dict[str, str], market: Market) -> None:
    market.hold(MON, {"BTCUSD": 1})
    last = dt.datetime.combine(MON, CLOSES, dt.UTC) - MINUTE
    market.trade("BTCUSD", last, 50)
    market.trade("BTCUSD", last + MINUTE, 60)
    assert column(read(environment), "close", "BTCUSD")[0] == 50


def test_no_more_sessions_are_read_than_the_windows_need(environment: dict[str, str], market: Market) -> None:
    from marketpulse_spark.build_daily import SESSIONS

    days = [dt.date(2024, 1, 7) - dt.timedelta(days=ago) for ago in range(SESSIONS)]
    market.open_on(days)
    market.hold(min(days), {"MSFT": 1})
    assert len(column(read(environment), "session")) == SESSIONS + 1 == 331
