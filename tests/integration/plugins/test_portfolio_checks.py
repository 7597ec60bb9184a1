"""The data checks of the daily tables hold on good rows, and each of them can fail."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from marketpulse.checks import ChecksFailed, run_checks

from tests.local_stack import REPOSITORY

GOOD = """
INSERT INTO market.sessions VALUES
    ('XNYS', '2026-05-14', '{[2026-05-14 13:30Z, 2026-05-14 20:00Z)}'),
    ('XNYS', '2026-05-15', '{[2026-05-15 13:30Z, 2026-05-15 20:00Z)}'),
    ('XNYS', '2026-05-18', '{[2026-05-18 13:30Z, 2026-05-18 20:00Z)}');
INSERT INTO market.portfolios VALUES ('mine', 'Mine', 'USD', 'MSFT');
INSERT INTO market.portfolio_versions VALUES ('mine', '2026-01-02', 100);
INSERT INTO ops.daily_builds OVERRIDING SYSTEM VALUE
VALUES (1, '2026-05-15', 'r', 'c', '2025-01-02', '2026-05-15 19:59Z', now());
INSERT INTO analytics.portfolio_daily (portfolio, session, nav, cash, pnl, gross_exposure, net_exposure, drawdown_252,
       max_drawdown_252, volatility_21, build_id)
VALUES ('mine', '2026-05-15', 120, 100, 3, 80, 20, -0.1, -0.2, 0.3, 1);
INSERT INTO analytics.portfolio_positions VALUES
    ('mine', '2026-05-15', 'AAPL', 5, 10, '2026-05-15', 50, 50 / 120.0, 4, 1),
    ('mine', '2026-05-15', 'IBM', -3, 10, '2026-05-15', -30, -30 / 120.0, -1, 1);
INSERT INTO analytics.portfolio_correlations VALUES ('mine', '2026-05-15', 'AAPL', 'IBM', 0.5, 1);
INSERT INTO analytics.portfolio_risk
SELECT 'mine', '2026-05-15', method, confidence, '2026-05-18', 10 * confidence, 20, 1
  FROM (VALUES ('historical'), ('filtered')) m (method), (VALUES (0.95), (0.99)) c (confidence);
INSERT INTO analytics.var_backtests (portfolio, session, method, confidence, observations, exceedances, kupiec_lr,
       kupiec_p, independence_lr, independence_p, coverage_lr, coverage_p, build_id)
SELECT portfolio, session, method, confidence, 250, 12, 0.1, 0.7, 0.1, 0.7, 0.2, 0.9, 1 FROM analytics.portfolio_risk;
INSERT INTO analytics.forecasts (symbol, source, quantity, model, session, for_session, stands_from, value,
       training_sessions, coefficients, build_id, outcome, outcome_build_id)
SELECT 'MSFT', 'a', quantity, model, session, for_session, '2999-01-04', 0.5, 250, '{}', 1, outcome, outcome
  FROM (VALUES ('volatility', 'random_walk'), ('volatility', 'ewma'), ('volatility', 'har'),
               ('direction', 'random_walk'), ('direction', 'logistic')) m (quantity, model),
       (VALUES (date '2026-05-14', date '2026-05-15', 1), ('2026-05-15', '2026-05-18', NULL))
           f (session, for_session, outcome);
"""
TABLES = (
    "market.portfolios, market.sessions, ops.daily_builds, analytics.portfolio_daily, analytics.portfolio_positions, "
    "analytics.portfolio_correlations, analytics.portfolio_risk, analytics.var_backtests"
)


def checks_of_the_dag() -> tuple[str, ...]:
    """The files that `build_daily_analytics` runs."""
    spec = importlib.util.spec_from_file_location("dag", REPOSITORY / "dags/build_daily_analytics.py")
    assert spec is not None
    assert spec.loader is not None
    dag: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(dag)
    paths: tuple[str, ...] = dag.CHECKS
    return paths


@pytest.fixture(scope="module")
def paths() -> tuple[str, ...]:
    return checks_of_the_dag()


@pytest.fixture
def warehouse(instruments: None, owner_dsn: str) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(f"TRUNCATE {TABLES} CASCADE")
        connection.execute(GOOD)
        yield connection
        connection.execute(f"TRUNCATE {TABLES} CASCADE")


def test_good_rows_pass(
    warehouse: psycopg.Connection[tuple[Any, ...]], paths: tuple[str, ...], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    run_checks(paths)

    assert "every_portfolio_with_the_session_was_valued: expected 1, found 1" in caplog.text
    assert "each_portfolio_has_a_forecast_of_each_kind: expected 4, found 4" in caplog.text
    assert "each_series_has_a_forecast_of_each_model: expected 5, found 5" in caplog.text
    assert "what_was_forecast_has_an_outcome: expected 5, found 5" in caplog.text
    assert "WARN" not in caplog.text


@pytest.mark.parametrize(
    ("damage", "broken"),
    [
        ("UPDATE analytics.portfolio_daily SET nav = 121", "nav_is_cash_and_positions: expected 0, found 1"),
        ("UPDATE analytics.portfolio_daily SET nav = NULL", "nav_is_cash_and_positions: expected 0, found 1"),
        ("UPDATE analytics.portfolio_positions SET pnl = 5", "pnl_is_that_of_the_positions: expected 0, found 1"),
        ("UPDATE analytics.portfolio_daily SET gross_exposure = 10", "drawdowns_are_possible: expected 0, found 1"),
        ("UPDATE analytics.portfolio_daily SET drawdown_252 = -0.3", "drawdowns_are_possible: expected 0, found 1"),
        (
            "INSERT INTO market.portfolios VALUES ('other', 'O', 'USD', 'MSFT');"
            "INSERT INTO market.portfolio_versions VALUES ('other', '2026-01-02', 1)",
            "with_the_session_was_valued: expected 2, found 1",
        ),
        ("UPDATE analytics.portfolio_daily SET session = '2999-01-04'", "lies_in_the_future: expected 0, found 1"),
        ("UPDATE ops.daily_builds SET newest_bar = '2999-01-04'", "lies_in_the_future: expected 0, found 1"),
        ("UPDATE analytics.portfolio_positions SET weight = 0.5", "weights_and_cash_make_one: expected 0, found 1"),
        (
            "UPDATE analytics.portfolio_positions SET price = 0",
            "and_not_of_the_future: expected 0, found 2",
        ),
        ("UPDATE analytics.portfolio_positions SET priced_on = '2026-05-18'", "of_the_future: expected 0, found 2"),
        ("UPDATE analytics.portfolio_correlations SET correlation = 1.1", "minus_one_and_one: expected 0, found 1"),
        ("DELETE FROM analytics.portfolio_correlations", "each_pair_that_is_held_has_one: expected 1, found 0"),
        ("UPDATE analytics.portfolio_risk SET value_at_risk = -1", "below_the_shortfall: expected 0, found 4"),
        ("UPDATE analytics.portfolio_risk SET expected_shortfall = 1", "below_the_shortfall: expected 0, found 4"),
        (
            "UPDATE analytics.portfolio_risk SET value_at_risk = 1 WHERE confidence = 0.99",
            "more_confidence_costs_no_less: expected 0, found 2",
        ),
        (
            "DELETE FROM analytics.portfolio_risk WHERE method = 'filtered'",
            "each_portfolio_has_a_forecast_of_each_kind: expected 4, found 2",
        ),
        (
            "UPDATE analytics.portfolio_risk SET for_session = '2026-05-19'",
            "a_forecast_is_for_the_next_session: expected 0, found 4",
        ),
        ("UPDATE analytics.var_backtests SET exceedances = 251", "probabilities_are_possible: expected 0, found 4"),
        ("UPDATE analytics.var_backtests SET coverage_p = 2", "probabilities_are_possible: expected 0, found 4"),
        (
            "DELETE FROM analytics.var_backtests WHERE confidence = 0.95",
            "each_kind_of_forecast_is_tested: expected 4, found 2",
        ),
        (
            "DELETE FROM analytics.forecasts WHERE model = 'har'",
            "each_series_has_a_forecast_of_each_model: expected 5, found 4",
        ),
        (
            "UPDATE analytics.forecasts SET for_session = '2026-05-19' WHERE session = '2026-05-15'",
            "forecasts_are_for_the_next_session: expected 0, found 5",
        ),
        (
            "UPDATE analytics.forecasts SET for_session = '2999-01-04' WHERE outcome IS NOT NULL",
            "outcomes_are_of_sessions_that_are_over: expected 0, found 5",
        ),
    ],
    ids=lambda text: text.split(":")[0],
)
def test_each_check_can_fail(
    warehouse: psycopg.Connection[tuple[Any, ...]], paths: tuple[str, ...], damage: str, broken: str
) -> None:
    warehouse.execute(damage.encode())

    with pytest.raises(ChecksFailed) as caught:
        run_checks(paths)
    assert broken in str(caught.value)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            "UPDATE analytics.portfolio_daily SET nav = NULL;"
            "UPDATE analytics.portfolio_positions SET value = NULL, weight = NULL, price = NULL, priced_on = NULL",
            "WARN  everything_held_has_a_price: expected 0, found 1",
        ),
        (
            "UPDATE analytics.portfolio_positions SET priced_on = '2026-05-14' WHERE symbol = 'IBM'",
            "WARN  prices_are_of_the_session: expected 0, found 1",
        ),
        (
            "UPDATE analytics.var_backtests SET kupiec_p = 0.01 WHERE method = 'filtered'",
            "WARN  no_model_is_rejected: expected 0, found 2",
        ),
        (
            "UPDATE analytics.forecasts SET outcome = NULL WHERE model = 'ewma'",
            "WARN  what_was_forecast_has_an_outcome: expected 5, found 4",
        ),
    ],
    ids=lambda text: text.split(":")[0][:40],
)
def test_warnings_do_not_fail(
    warehouse: psycopg.Connection[tuple[Any, ...]],
    paths: tuple[str, ...],
    caplog: pytest.LogCaptureFixture,
    change: str,
    line: str,
) -> None:
    warehouse.execute(change.encode())

    run_checks(paths)

    assert line in caplog.text
