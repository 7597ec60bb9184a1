"""Portfolios of the configuration in the warehouse, and the days on which there is something to build."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import psycopg
import pytest
from marketpulse.portfolios import Holdings, Portfolio
from marketpulse.sync_portfolios import prepare_session, sync_portfolios
from marketpulse.warehouse import connect

from tests.integration.plugins.stored_bars import rows


@pytest.fixture(autouse=True)
def no_portfolios(instruments: None, owner_dsn: str) -> Iterator[None]:
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute("TRUNCATE market.portfolios CASCADE")
        yield
        connection.execute("TRUNCATE market.portfolios CASCADE")


def portfolio(*versions: tuple[date, int, dict[str, int]], name: str = "mine") -> Portfolio:
    holdings = [
        Holdings.model_validate({"from": day, "cash": cash, "shares": shares}) for day, cash, shares in versions
    ]
    return Portfolio(id=name, name=name, currency="USD", benchmark="MSFT", holdings=tuple(holdings))


def sync(*portfolios: Portfolio) -> int:
    with connect(statement_seconds=10, lock_seconds=5) as connection:
        return sync_portfolios(connection, {each.id: each for each in portfolios})


JANUARY, FEBRUARY = date(2026, 1, 5), date(2026, 2, 2)


def test_the_tables_follow_the_configuration() -> None:
    first = portfolio((JANUARY, 5, {"MSFT": 1, "AAPL": 2}), (FEBRUARY, 6, {}))
    assert sync(first) == 1 + 2 + 2
    assert sync(first) == 0
    assert rows("SELECT portfolio, valid_from, cash FROM market.portfolio_versions ORDER BY 2") == [
        ("mine", JANUARY, Decimal(5)),
        ("mine", FEBRUARY, Decimal(6)),
    ]

    assert sync(portfolio((JANUARY, 5, {"MSFT": 3, "AAPL": 2}))) == 2, "a version gone, a number of shares changed"
    assert rows("SELECT symbol, shares FROM market.holdings ORDER BY 1") == [("AAPL", Decimal(2)), ("MSFT", Decimal(3))]

    assert sync(portfolio((JANUARY, 5, {"MSFT": 3}), name="other")) > 0
    assert rows("SELECT portfolio FROM market.portfolios") == [("other",)]
    assert rows("SELECT portfolio, symbol FROM market.holdings") == [("other", "MSFT")]

    assert sync() == 1
    assert rows("SELECT * FROM market.holdings") == []


def test_no_portfolio_at_all_is_no_error() -> None:
    assert sync() == 0


@pytest.mark.parametrize(
    ("day", "calendars"),
    [
        (date(2026, 5, 15), ["24/7", "XNYS"]),
        (date(2026, 5, 16), ["24/7"]),  # Saturday
        (date(2025, 11, 27), ["24/7"]),  # Thanksgiving
        (date(2025, 11, 28), ["24/7", "XNYS"]),  # and the half day after it
        (date(2025, 1, 1), ["24/7"]),
        (date(2024, 12, 31), ["24/7", "XNYS"]),  # before the first holdings: forecasts alone
        (date(2999, 5, 15), []),
    ],
)
def test_a_day_has_the_calendars_whose_session_it_is(day: date, calendars: list[str]) -> None:
    if day.year == 2999:
        day = date.today().replace(year=date.today().year + 1)  # noqa: DTZ011 - any day to come

    assert prepare_session(day) == calendars
    assert rows("SELECT count(*) FROM market.portfolios") == [(2,)]


def test_as_many_sessions_are_known_as_the_build_reads_and_the_next_one() -> None:
    prepare_session(date(2026, 5, 15))

    assert rows("SELECT count(*) >= 330 FROM market.sessions WHERE calendar = 'XNYS' AND session <= '2026-05-15'") == [
        (True,)
    ]
    assert rows("SELECT min(session) FROM market.sessions WHERE calendar = 'XNYS' AND session > '2026-05-15'") == [
        (date(2026, 5, 18),)
    ]
