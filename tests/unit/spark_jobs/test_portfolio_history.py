"""Values, gains and returns of a portfolio, on numbers that a head can check."""

from __future__ import annotations

import numpy as np
import pytest
from marketpulse_spark.portfolios.history import CARRIED_SESSIONS, read_history

from tests.unit.spark_jobs.portfolio_rows import day, valuations


def test_two_positions_and_cash() -> None:
    history = read_history(
        valuations(
            {"BENCH": [50, 55, 44], "A": [10, 11, 12], "B": [20, 20, 18]},
            {"A": 100, "B": 10},
            cash=300,
        )
    )
    assert history.sessions == [day(0), day(1), day(2)]
    assert history.next_session == day(3)
    assert list(history.nav) == [1500, 1600, 1680]
    assert list(history.pnl[1:]) == [100, 80]
    assert list(history.portfolio_returns[1:]) == [100 / 1500, 80 / 1600]
    assert np.isnan(history.portfolio_returns[0])
    assert list(history.benchmark_returns[1:]) == pytest.approx([0.1, -0.2])
    assert list(history.gains[2]) == [100, -20, 0], "by symbol, in alphabetical order"


def test_a_short_position_gains_when_the_price_falls() -> None:
    history = read_history(valuations({"BENCH": [50, 50], "A": [10, 8]}, {"A": -50}, cash=1000))
    assert list(history.nav) == [500, 600]
    assert list(history.pnl[1:]) == [100]
    assert list(history.portfolio_returns[1:]) == [0.2]


def test_new_holdings_were_bought_at_the_close_before() -> None:
    """What was put in or taken out is no gain."""
    history = read_history(
        valuations(
            {"BENCH": [1, 1, 1], "A": [10, 11, 22], "B": [5, 10, 11]},
            {"A": [100, 100, 0, 0], "B": [0, 0, 200, 200]},
            cash=[0, 0, 50],
        )
    )
    assert list(history.nav) == [1000, 1100, 2250]
    assert list(history.pnl[1:]) == [100, 200]
    assert list(history.portfolio_returns[1:]) == [0.1, 200 / 2050]


def test_a_split_and_a_dividend_are_no_fall_of_the_price() -> None:
    history = read_history(
        valuations(
            {"BENCH": [1, 1, 1], "A": [100, 52, 50]},
            {"A": [10, 20, 20, 20]},
            cash=[0, 0, 40],
            splits={("A", 1): 2.0},
            dividends={("A", 2): 2.0},
        )
    )
    assert list(history.returns[1:, 0]) == pytest.approx([0.04, 0.0])
    assert list(history.nav) == [1000, 1040, 1040]
    assert list(history.pnl[1:]) == [40, 0]
    assert list(history.portfolio_returns[1:]) == [0.04, 0]


def test_a_price_is_carried_over_sessions_without_a_trade_in_todays_shares() -> None:
    history = read_history(
        valuations({"BENCH": [1, 1, 1, 1], "A": [100, None, None, 60]}, {"A": [1, 1, 2, 2, 2]}, splits={("A", 2): 2.0})
    )
    assert list(history.prices[:, 0]) == [100, 100, 50, 60]
    assert list(history.ages[:, 0]) == [0, 1, 2, 0]
    assert list(history.nav) == [100, 100, 100, 120]
    assert list(history.pnl[1:]) == [0, 0, 20]


def test_after_too_many_such_sessions_there_is_no_price() -> None:
    gap = [None] * (CARRIED_SESSIONS + 1)
    closes: dict[str, list[float | None]] = {"BENCH": [1.0] * (len(gap) + 1), "A": [100.0, *gap]}
    history = read_history(valuations(closes, {"A": 1}))
    assert list(np.isnan(history.nav)) == [False] * (CARRIED_SESSIONS + 1) + [True]
    unheld = read_history(valuations(closes, {"BENCH": 1}))
    assert list(unheld.nav) == [1.0] * (len(gap) + 1), "what is not held needs no price"


def test_what_the_next_session_is_entered_with_is_valued_at_the_last_close() -> None:
    history = read_history(
        valuations(
            {"BENCH": [1, 1], "A": [10, 11], "B": [4, 8]}, {"A": [100, 100, 0], "B": [0, 0, 60]}, splits={("B", 2): 2.0}
        )
    )
    assert list(history.next_exposures) == [0, 240, 0], "60 shares after a split of two for one"


def test_nothing_to_lose_has_no_return() -> None:
    history = read_history(valuations({"BENCH": [1, 1], "A": [10, 11]}, {"A": -1}, cash=9))
    assert np.isnan(history.portfolio_returns).all()
    assert history.pnl[1] == -1


def test_the_order_of_rows_decides_nothing() -> None:
    rows = valuations({"BENCH": [1, 2, 3], "A": [10, 11, 12]}, {"A": 3, "BENCH": 1}, cash=7)
    shuffled = rows.sample(frac=1, random_state=5)
    assert list(read_history(shuffled).nav) == list(read_history(rows).nav)
