"""Layouts of what the daily build reads, as Arrow and Spark see it, and of what it writes."""

from __future__ import annotations

#: What `analytics/portfolio_daily/read_valuations.sql` returns.
VALUATIONS = (
    "portfolio string, session date, symbol string, is_benchmark boolean, sessions_per_year int, shares double,"
    " cash double, close double, priced_at timestamp, split double, dividend double"
)
#: What `analytics/portfolio_risk/read_outcomes.sql` returns.
OUTCOMES = "portfolio string, method string, confidence double, for_session date, value_at_risk double, pnl double"

DAILY = (
    "portfolio string, session date, nav double, cash double, pnl double, session_return double,"
    " benchmark_return double, gross_exposure double, net_exposure double, volatility_21 double, volatility_63 double,"
    " beta_63 double, sharpe_63 double, drawdown_252 double, max_drawdown_252 double"
)
POSITIONS = (
    "portfolio string, session date, symbol string, shares double, price double, priced_on date, value double,"
    " weight double, pnl double"
)
CORRELATIONS = "portfolio string, session date, symbol string, other_symbol string, correlation double"
RISK = (
    "portfolio string, session date, method string, confidence double, for_session date, value_at_risk double,"
    " expected_shortfall double"
)
BACKTESTS = (
    "portfolio string, session date, method string, confidence double, observations int, exceedances int,"
    " kupiec_lr double, kupiec_p double, independence_lr double, independence_p double, coverage_lr double,"
    " coverage_p double"
)


def names(layout: str) -> list[str]:
    """The columns of a layout, in order."""
    return [column.split()[0] for column in layout.split(", ")]
