"""The daily build on the real PostgreSQL and Spark: what it writes, and that nothing else changes."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import psycopg
import pytest
from marketpulse_spark.errors import DatasetLocked, SessionsUnknown
from marketpulse_spark.portfolios.backtests import kupiec
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.portfolios import Market, builder, empty, walk, weekdays
from tests.integration.spark_jobs.processes import submit
from tests.integration.spark_jobs.warehouse import Rows, Warehouse
from tests.local_stack import REPOSITORY

BUILD_DAILY = REPOSITORY / "spark_jobs/marketpulse_spark/jobs/build_daily.py"
SYMBOLS = ("BRK.B", "IBM", "MSFT")
DAYS = weekdays(dt.date(2024, 6, 28), 334)
#: The sessions that are built; two more are known after them.
BUILT, AFTER = DAYS[-6:-2], DAYS[-2:]
CLOSES = {symbol: dict(zip(DAYS, walk(len(DAYS), seed), strict=True)) for seed, symbol in enumerate(SYMBOLS, start=1)}
SHARES = {"MSFT": 30, "BRK.B": -10}
CASH = 2000

Build = Callable[[dt.date], int]


@pytest.fixture
def market(warehouse: Warehouse) -> Iterator[Market]:
    """A portfolio whose history fills every window."""
    empty(warehouse)
    market = Market(warehouse)
    market.open_on(DAYS)
    market.close_all(CLOSES)
    market.hold(DAYS[0], SHARES, cash=CASH)
    yield market
    empty(warehouse)


@pytest.fixture
def build(environment: dict[str, str], spark: SparkSession) -> Build:
    return builder(environment, spark)


def test_numbers_are_those_of_pandas(market: Market, build: Build) -> None:
    session = BUILT[-1]
    build(session)
    closes = pd.DataFrame(CLOSES)[lambda frame: frame.index <= session]
    nav = sum(count * closes[symbol] for symbol, count in SHARES.items()) + CASH
    returns, market_returns = nav.pct_change(), closes["IBM"].pct_change()
    pnl = nav.diff()
    ((found,),) = market.rows("SELECT to_jsonb(d) - 'build_id' FROM reports.portfolio_daily d")
    wealth = (1 + returns[-252:]).cumprod()
    below = wealth / wealth.cummax().clip(lower=1) - 1
    wanted = {
        "nav": nav.iloc[-1],
        "pnl": pnl.iloc[-1],
        "session_return": returns.iloc[-1],
        "benchmark_return": market_returns.iloc[-1],
        "gross_exposure": 30 * closes["MSFT"].iloc[-1] + 10 * closes["BRK.B"].iloc[-1],
        "net_exposure": nav.iloc[-1] - CASH,
        "volatility_21": returns[-21:].std() * 252**0.5,
        "volatility_63": returns[-63:].std() * 252**0.5,
        "beta_63": returns[-63:].cov(market_returns[-63:]) / market_returns[-63:].var(),
        "sharpe_63": returns[-63:].mean() / returns[-63:].std() * 252**0.5,
        "drawdown_252": below.iloc[-1],
        "max_drawdown_252": below.min(),
    }
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, rel=1e-9), name
    by_return = pd.DataFrame({symbol: closes[symbol].pct_change()[-63:] for symbol in SHARES})
    assert market.rows("SELECT symbol, other_symbol, correlation FROM reports.portfolio_correlations") == [
        ("BRK.B", "MSFT", pytest.approx(by_return.corr().iloc[0, 1], rel=1e-9))
    ]
    values = {symbol: count * closes[symbol].iloc[-1] for symbol, count in SHARES.items()}
    assert market.rows(
        "SELECT symbol, shares, priced_on, value, weight FROM reports.portfolio_positions ORDER BY symbol"
    ) == [
        (
            symbol,
            SHARES[symbol],
            session,
            pytest.approx(value, rel=1e-12),
            pytest.approx(value / nav.iloc[-1], rel=1e-12),
        )
        for symbol, value in sorted(values.items())
    ]
    gains = sum(count * closes[symbol].iloc[-1] * closes[symbol].pct_change() for symbol, count in SHARES.items())
    losses = np.sort(-gains.to_numpy()[-250:])
    # The 238.45th of 250.
    value_at_risk = losses[237] + 0.45 * (losses[238] - losses[237])
    assert market.rows(
        "SELECT value_at_risk, expected_shortfall, for_session, exceeded FROM reports.portfolio_risk"
        " WHERE method = 'historical' AND confidence = 0.95"
    ) == [
        (
            pytest.approx(value_at_risk, rel=1e-9),
            pytest.approx(losses[238:].mean(), rel=1e-9),
            AFTER[0],
            None,
        )
    ]


def test_building_again_changes_no_row(market: Market, build: Build) -> None:
    assert [build(session) > 0 for session in BUILT] == [True] * 4
    before = market.analytics(with_versions=True)
    assert [len(rows) for rows in before.values()] == [4, 8, 4, 16, 16]
    assert [build(session) for session in BUILT] == [0] * 4
    assert market.analytics(with_versions=True) == before
    assert market.rows("SELECT count(*) FROM ops.daily_builds") == [(8,)], "that it was built again is recorded"


def test_live_and_backfilled_are_equal_to_the_last_bit_and_nothing_looks_ahead(market: Market, build: Build) -> None:
    """Built each evening, with no bar after it; and later, when every bar after the last one has another price."""
    market.rows("DELETE FROM market.bars_1m WHERE ts > %s", dt.datetime.combine(BUILT[0], dt.time(21), dt.UTC))
    for session in BUILT:
        for symbol in SYMBOLS:
            market.close(symbol, session, CLOSES[symbol][session])
        build(session)
    live = market.analytics()
    for session in AFTER:
        for number, symbol in enumerate(SYMBOLS):
            market.close(symbol, session, 7 + number)
    market.act("MSFT", "split", AFTER[0], "2")
    market.act("MSFT", "dividend", AFTER[1], "3", "USD")
    # After the close, of the last session itself.
    market.trade("MSFT", dt.datetime.combine(BUILT[-1], dt.time(21), dt.UTC), 1)
    assert [build(session) for session in BUILT] == [0] * 4
    empty_tables = "TRUNCATE analytics.portfolio_daily, analytics.portfolio_positions, analytics.portfolio_correlations"
    market.rows(f"{empty_tables}, analytics.portfolio_risk, analytics.var_backtests")
    for session in BUILT:
        build(session)
    assert market.analytics() == live


def test_a_late_revision_changes_what_it_reaches_and_nothing_before(market: Market, build: Build) -> None:
    for session in BUILT:
        build(session)
    before = market.analytics(with_versions=True)
    market.close("MSFT", BUILT[2], CLOSES["MSFT"][BUILT[2]] + 1)
    changed = [build(session) for session in BUILT]
    assert [count > 0 for count in changed] == [False, False, True, True]
    after = market.analytics(with_versions=True)

    def of(tables: dict[str, Rows], *sessions: dt.date) -> Rows:
        days = [session.isoformat() for session in sessions]
        return [row for rows in tables.values() for row in rows if row[2].split(",")[1] in days]

    assert of(after, *BUILT[:2]) == of(before, *BUILT[:2])
    rewritten = [row for row in of(after, BUILT[3]) if row not in of(before, BUILT[3])]
    assert len(rewritten) == changed[3]
    # The day after: what MSFT gained and what follows from its returns; the other position is as it was.
    assert not any(",BRK.B,-10," in row[2] for row in rewritten)
    assert any(",MSFT,30," in row[2] for row in rewritten)


def test_rows_that_are_no_longer_computed_go(market: Market, build: Build) -> None:
    build(BUILT[0])
    market.rows("DELETE FROM market.holdings WHERE symbol = 'BRK.B'")
    build(BUILT[0])
    assert market.rows("SELECT symbol FROM analytics.portfolio_positions") == [("MSFT",)]
    assert market.rows("SELECT * FROM analytics.portfolio_correlations") == []


def test_each_build_says_who_and_which_code_made_it_of_what(
    market: Market, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    build(BUILT[0])
    monkeypatch.setenv("AIRFLOW_CTX_DAG_ID", "build_daily_analytics")
    build(BUILT[0])
    same = ("test", True, DAYS[0], dt.datetime.combine(BUILT[0], dt.time(20, 59), dt.UTC))
    assert market.rows(
        "SELECT session, dag_id, run_id, code_version ~ '^[0-9a-f]{12}$', first_session, newest_bar"
        "  FROM ops.daily_builds ORDER BY build_id"
    ) == [(BUILT[0], None, *same), (BUILT[0], "build_daily_analytics", *same)]


def test_stored_forecasts_are_tested_by_what_came_of_them(market: Market, build: Build) -> None:
    """250 forecasts of a loss of 100, whose sessions are over but for the one that is built."""
    session = BUILT[0]
    place = DAYS.index(session)
    market.rows("INSERT INTO ops.daily_builds (session, run_id, code_version, first_session) VALUES (%s, 'x', 'x', %s)",
                session, session)  # fmt: skip
    for before, day in zip(DAYS[place - 250 : place], DAYS[place - 249 : place + 1], strict=True):
        market.rows(
            "INSERT INTO analytics.portfolio_risk SELECT 'mine', %s, 'historical', 0.95, %s, 100, 120, max(build_id)"
            " FROM ops.daily_builds", before, day,
        )  # fmt: skip
        if day < session:
            pnl = sum(count * (CLOSES[symbol][day] - CLOSES[symbol][before]) for symbol, count in SHARES.items())
            market.rows(
                "INSERT INTO analytics.portfolio_daily (portfolio, session, cash, pnl, build_id)"
                " SELECT 'mine', %s, 0, %s, max(build_id) FROM ops.daily_builds", day, pnl,
            )  # fmt: skip
    build(session)
    exceeded = np.array(
        [bool(row[0]) for row in market.rows(
            "SELECT exceeded FROM reports.portfolio_risk WHERE method = 'historical' AND confidence = 0.95"
            " AND for_session <= %s ORDER BY session", session,
        )]
    )  # fmt: skip
    assert len(exceeded) == 250
    (found,) = market.rows(
        "SELECT observations, exceedances, expected_exceedances, kupiec_lr, kupiec_rejected FROM reports.var_backtests"
        " WHERE method = 'historical' AND confidence = 0.95"
    )
    assert found[:3] == (250, exceeded.sum(), 12.5)
    assert found[3] == pytest.approx(kupiec(exceeded, 0.95).ratio, rel=1e-12)
    assert found[4] is (kupiec(exceeded, 0.95).p_value < 0.05)


def test_reports_say_whether_a_forecast_stood_before_its_session(market: Market, build: Build) -> None:
    build(BUILT[0])
    build(BUILT[1])
    query = (
        "SELECT session, next_pnl IS NOT NULL, exceeded IS NOT NULL, stored_before_outcome FROM reports.portfolio_risk"
        " WHERE method = 'filtered' AND confidence = 0.99 ORDER BY session"
    )
    assert market.rows(query) == [(BUILT[0], True, True, False), (BUILT[1], False, False, False)]
    market.rows("UPDATE ops.daily_builds SET built_at = session + time '22:00'")
    assert [row[3] for row in market.rows(query)] == [True, True]


def test_without_a_single_bar_there_is_a_row_and_no_value(market: Market, build: Build) -> None:
    market.rows("DELETE FROM market.bars_1m")
    build(BUILT[0])
    assert market.rows("SELECT nav, cash, session_return FROM reports.portfolio_daily") == [(None, CASH, None)]
    assert market.rows("SELECT count(*), count(value_at_risk) FROM reports.portfolio_risk") == [(4, 0)]
    assert market.rows("SELECT newest_bar FROM ops.daily_builds") == [(None,)]


def test_a_day_that_is_no_session_builds_nothing(market: Market, build: Build) -> None:
    assert build(dt.date(2024, 6, 22)) == 0
    assert market.rows("SELECT count(*) FROM ops.daily_builds") == [(0,)]


def test_without_the_next_session_nothing_is_built(market: Market, build: Build) -> None:
    with pytest.raises(
        SessionsUnknown, match=r"after 2024-06-28 of the calendar of BRK\.B, IBM, MSFT, mine\. Next: run"
    ):
        build(DAYS[-1])
    assert market.rows("SELECT count(*) FROM analytics.portfolio_daily") == [(0,)]


def test_two_builds_at_once_are_one_after_the_other(
    market: Market, build: Build, environment: dict[str, str], owner: psycopg.Connection
) -> None:
    owner.execute("SELECT pg_advisory_lock(hashtext('load:daily'))")
    try:
        with pytest.raises(DatasetLocked, match="The dataset daily"):
            build(BUILT[0])
    finally:
        owner.execute("SELECT pg_advisory_unlock_all()")
    assert build(BUILT[0]) > 0


def test_the_job_as_airflow_starts_it(market: Market, environment: dict[str, str], archive: None) -> None:
    arguments = ("--run-id", "scheduled__1", "--session", BUILT[0].isoformat())
    done = submit(environment, BUILD_DAILY, *arguments)
    assert done.returncode == 0, done.stderr
    assert f"{BUILT[0]}: 12 rows changed" in done.stdout
    before = market.analytics(with_versions=True)
    again = submit(environment, BUILD_DAILY, *arguments)
    assert f"{BUILT[0]}: 0 rows changed" in again.stdout
    assert market.analytics(with_versions=True) == before
    refused = submit(environment, BUILD_DAILY, "--run-id", "x", "--session", DAYS[-1].isoformat())
    assert refused.returncode == 1
    said = refused.stdout + refused.stderr
    assert re.search(
        r"^SessionsUnknown: market\.sessions has no session after 2024-06-28 .*Next: run", said, re.MULTILINE
    )
    assert "Traceback" not in said
