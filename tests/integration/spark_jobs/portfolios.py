"""A market of session closes and the portfolios that are valued by them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

import numpy as np
from marketpulse_spark.build_daily import build
from marketpulse_spark.settings import BuildSettings
from pyspark.sql import SparkSession

from tests.integration.spark_jobs.warehouse import Rows, Warehouse

ANALYTICS = (
    "analytics.portfolio_daily",
    "analytics.portfolio_positions",
    "analytics.portfolio_correlations",
    "analytics.portfolio_risk",
    "analytics.var_backtests",
)
#: New York's regular hours in winter.
OPENS, CLOSES = dt.time(14, 30), dt.time(21)
MINUTE = dt.timedelta(minutes=1)


def weekdays(last: dt.date, count: int) -> list[dt.date]:
    """So many weekdays, the last of them included."""
    days = (last - dt.timedelta(days=ago) for ago in range(2 * count))
    return sorted([day for day in days if day.weekday() < 5][:count])


def walk(count: int, seed: int) -> list[float]:
    """Closes whose returns are normal, in cents."""
    returns = np.random.default_rng(seed).normal(0.0003, 0.012, count)
    return [round(float(price), 2) for price in 100 * np.cumprod(1.0 + returns)]


class Market:
    """Sessions, bars, actions and holdings, put into the warehouse beside the loader and the configuration."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.rows = warehouse.rows
        self._warehouse = warehouse

    def open_on(self, days: Iterable[dt.date], calendar: str = "XNYS", closes: dt.time = CLOSES) -> None:
        """The calendar has these sessions; 24/7 the whole day."""
        for day in days:
            start, end = dt.datetime.combine(day, OPENS, dt.UTC), dt.datetime.combine(day, closes, dt.UTC)
            if calendar == "24/7":
                start = dt.datetime(day.year, day.month, day.day, tzinfo=dt.UTC)
                end = start + dt.timedelta(days=1)
            self.rows(
                "INSERT INTO market.sessions VALUES (%s, %s, tstzmultirange(tstzrange(%s, %s)))",
                *(calendar, day, start, end),
            )

    def trade(self, symbol: str, at: dt.datetime, close: float | str, source: str = "a") -> None:
        """A bar whose prices are all the same; one that is there is revised."""
        self.rows(
            "INSERT INTO market.bars_1m SELECT %s, %s, %s, p, p, p, p, 10, now() FROM (SELECT %s::numeric AS p) price"
            " ON CONFLICT (symbol, source, ts) DO UPDATE SET open = excluded.open, high = excluded.high,"
            " low = excluded.low, close = excluded.close",
            *(symbol, source, at, close),
        )

    def close(self, symbol: str, day: dt.date, close: float | str, source: str = "a") -> None:
        """The bar of the last regular minute."""
        self.trade(symbol, dt.datetime.combine(day, CLOSES, dt.UTC) - MINUTE, close, source)

    def close_all(self, closes: Mapping[str, Mapping[dt.date, float]]) -> None:
        """The last regular bars of many symbols and sessions."""
        bars = [
            (symbol, dt.datetime.combine(day, CLOSES, dt.UTC) - MINUTE, close)
            for symbol, by_day in closes.items()
            for day, close in by_day.items()
        ]
        self.rows(
            "INSERT INTO market.bars_1m SELECT symbol, 'a', ts, p, p, p, p, 10, now()"
            " FROM unnest(%s::text[], %s::timestamptz[], %s::numeric[]) bar (symbol, ts, p)",
            *(list(column) for column in zip(*bars, strict=True)),
        )

    def act(self, symbol: str, kind: str, day: dt.date, value: str, currency: str = "") -> None:
        """A split or dividend, effective at New York's midnight."""
        self.rows(
            "INSERT INTO ops.action_observations"
            " VALUES (%s, 'b', %s, %s, (%s || ' 00:00 America/New_York')::timestamptz, %s, %s, now())",
            *(symbol, kind, day, day.isoformat(), value, currency),
        )

    def hold(
        self,
        day: dt.date,
        shares: Mapping[str, float],
        cash: float = 0,
        portfolio: str = "mine",
        benchmark: str = "IBM",
    ) -> None:
        """A portfolio holds this from a day on."""
        self.rows(
            "INSERT INTO market.portfolios VALUES (%s, %s, 'USD', %s) ON CONFLICT DO NOTHING",
            *(portfolio, portfolio, benchmark),
        )
        self.rows("INSERT INTO market.portfolio_versions VALUES (%s, %s, %s)", portfolio, day, cash)
        for symbol, count in shares.items():
            self.rows("INSERT INTO market.holdings VALUES (%s, %s, %s, %s)", portfolio, day, symbol, count)

    def analytics(self, *, with_versions: bool = False) -> dict[str, Rows]:
        """All rows of the tables, in order and to the last bit; with_versions also tells rows that were rewritten."""
        if with_versions:
            return self._warehouse.dump(*ANALYTICS, with_versions=True)
        return {
            table: self.rows(f"SELECT (to_jsonb(t) - 'build_id')::text FROM {table} t ORDER BY 1")
            for table in ANALYTICS
        }


def empty(warehouse: Warehouse) -> None:
    """Leaves no portfolio, no forecast and no session behind."""
    warehouse.rows(f"TRUNCATE {', '.join(ANALYTICS)}, analytics.forecasts, ops.daily_builds, market.sessions")
    warehouse.rows("TRUNCATE market.portfolios CASCADE")


def builder(environment: Mapping[str, str], spark: SparkSession) -> Callable[[dt.date], int]:
    """Builds a session in this process; returns how many rows changed."""

    def build_session(session: dt.date) -> int:
        return build(settings(environment, session), lambda: spark)

    return build_session


def settings(environment: Mapping[str, str], session: dt.date) -> BuildSettings:
    """With little patience."""
    return BuildSettings("test", session, environment["MARKETPULSE_WAREHOUSE_DSN"], lock_seconds=2)
