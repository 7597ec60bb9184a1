"""How long two years of minute bars of 20 shares take from Kafka to indicators, and the daily build of one session."""

from __future__ import annotations

import datetime as dt
import math
import subprocess
import time
from collections.abc import Iterator
from statistics import median

import numpy as np
import psycopg

from tests.bench.backlog import bar, publish
from tests.bench.catch_up import run_load
from tests.bench.stack import SPARK_SUBMIT
from tests.local_stack import REPOSITORY, TOOLS

JOB = REPOSITORY / "spark_jobs/marketpulse_spark/jobs/build_daily.py"
_SESSION = dt.date(2026, 5, 15)
_SESSIONS = 504
_MINUTES = 390
# Sessions are known for a year and a half before a day that is prepared.
_PREPARED = ((_SESSION - dt.timedelta(days=300)).isoformat(), _SESSION.isoformat())
_PREPARE = (
    "import datetime, sys; from marketpulse.sync_portfolios import prepare_session\n"
    "for day in sys.argv[1:]: prepare_session(datetime.date.fromisoformat(day))"
)
_OPENINGS = (
    "SELECT lower(hours) FROM market.sessions WHERE calendar = 'XNYS' AND session <= %s ORDER BY session DESC LIMIT %s"
)


def measure(environment: dict[str, str], rounds: int) -> list[dict[str, object]]:
    """Loads all bars from Kafka into empty tables, then builds the newest session again and again."""
    _run(environment, str(TOOLS / "venvs/airflow/bin/python"), "-m", "marketpulse.sync_instruments")
    _run(environment, str(TOOLS / "venvs/airflow/bin/python"), "-c", _PREPARE, *_PREPARED)
    owner = environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_owner@")
    with psycopg.connect(owner) as connection:
        shares = [symbol for (symbol,) in connection.execute(
            "SELECT symbol FROM market.instruments WHERE calendar = 'XNYS' ORDER BY symbol"
        )]  # fmt: skip
        openings = sorted(start for (start,) in connection.execute(_OPENINGS, [_SESSION, _SESSIONS]))
        _hold(connection, shares)
    print(f"publishing {_SESSIONS} sessions of {len(shares)} shares …", flush=True)
    publish(environment["MARKETPULSE_KAFKA_BOOTSTRAP"], _messages(shares, openings))
    loaded = run_load(environment)["load"]
    with psycopg.connect(owner, autocommit=True) as connection:
        ((bars,),) = connection.execute("SELECT count(*) FROM analytics.indicators_1m").fetchall()
        connection.execute("VACUUM ANALYZE market.bars_1m")
    print(f"  load_bars, with indicators: {bars} bars: {loaded:.1f} s", flush=True)
    seconds = []
    for number in range(rounds + 1):
        started = time.monotonic()
        _run(environment, str(SPARK_SUBMIT), str(JOB), "--run-id", "bench", "--session", _SESSION.isoformat())
        seconds.append(time.monotonic() - started)
        print(f"  round {number}: build_daily over {bars} bars: {seconds[-1]:.1f} s", flush=True)
    return [
        {"what": "load_bars from Kafka, with indicators", "bars": bars, "seconds": round(loaded, 2)},
        {"what": "build_daily, the first time", "bars": bars, "seconds": round(seconds[0], 2)},
        {"what": "build_daily, again", "bars": bars, "seconds": round(median(seconds[1:]), 2)},
    ]


def _messages(shares: list[str], openings: list[dt.datetime]) -> Iterator[tuple[str, str]]:
    """Every minute of the sessions, share after share; a day's volatility is 1.5 %."""
    chance = np.random.default_rng(20260515)
    closes = np.full(len(shares), 100.0)
    for opening in openings:
        walk = closes * np.cumprod(1 + chance.normal(0, 0.015 / math.sqrt(_MINUTES), (_MINUTES, len(shares))), axis=0)
        volumes = chance.integers(1, 100_000, walk.shape)
        closes = walk[-1]
        for minute, (prices, traded) in enumerate(zip(walk.tolist(), volumes.tolist(), strict=True)):
            start = opening + dt.timedelta(minutes=minute)
            for symbol, close, volume in zip(shares, prices, traded, strict=True):
                yield symbol, bar(symbol, start, close, volume)


def _hold(connection: psycopg.Connection, shares: list[str]) -> None:
    """Adds a portfolio of all shares."""
    connection.execute("INSERT INTO market.portfolios VALUES ('bench', 'All shares', 'USD', 'MSFT')")
    connection.execute("INSERT INTO market.portfolio_versions VALUES ('bench', '2020-01-02', 1000)")
    connection.execute(
        "INSERT INTO market.holdings SELECT 'bench', '2020-01-02', symbol, 10 FROM unnest(%s::text[]) symbol", [shares]
    )


def _run(environment: dict[str, str], *command: str) -> None:
    subprocess.run(command, env=environment, capture_output=True, check=True)
