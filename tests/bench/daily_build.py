"""How long the daily build of one session takes, over two years of minute bars of 20 shares and a portfolio of all."""

from __future__ import annotations

import datetime as dt
import subprocess
import time
from statistics import median

import numpy as np
import psycopg

from tests.bench.stack import SPARK_SUBMIT
from tests.local_stack import REPOSITORY, TOOLS

JOB = REPOSITORY / "spark_jobs/marketpulse_spark/jobs/build_daily.py"
_SESSION = dt.date(2026, 5, 15)
_SESSIONS = 504
# Sessions are known for a year and a half before a day that is prepared.
_PREPARED = ((_SESSION - dt.timedelta(days=300)).isoformat(), _SESSION.isoformat())
_PREPARE = (
    "import datetime, sys; from marketpulse.sync_portfolios import prepare_session\n"
    "for day in sys.argv[1:]: prepare_session(datetime.date.fromisoformat(day))"
)
_DAYS = (
    "SELECT session, lower(hours) FROM market.sessions WHERE calendar = 'XNYS' AND session <= %s"
    " ORDER BY session DESC LIMIT %s"
)
_FILL = (
    "INSERT INTO market.bars_1m"
    " SELECT symbol, 'alpha_vantage', opens + minute * interval '1 minute', p, p, p, p, 100, now()"
    "   FROM unnest(%s::text[], %s::timestamptz[], %s::numeric[]) session (symbol, opens, close),"
    "        generate_series(0, 389) minute, LATERAL (SELECT round(close * (1 + (minute - 389) * 1e-5), 2) AS p) price"
)


def measure(environment: dict[str, str], rounds: int) -> list[dict[str, object]]:
    """Fills the tables, then builds the newest session again and again; returns the first time and the median."""
    _run(environment, str(TOOLS / "venvs/airflow/bin/python"), "-m", "marketpulse.sync_instruments")
    _run(environment, str(TOOLS / "venvs/airflow/bin/python"), "-c", _PREPARE, *_PREPARED)
    bars = _fill(environment)
    seconds = []
    for number in range(rounds + 1):
        started = time.monotonic()
        _run(environment, str(SPARK_SUBMIT), str(JOB), "--run-id", "bench", "--session", _SESSION.isoformat())
        seconds.append(time.monotonic() - started)
        print(f"  round {number}: build_daily over {bars} bars: {seconds[-1]:.1f} s", flush=True)
    return [
        {"what": "build_daily, the first time", "bars": bars, "seconds": round(seconds[0], 2)},
        {"what": "build_daily, again", "bars": bars, "seconds": round(median(seconds[1:]), 2)},
    ]


def _fill(environment: dict[str, str]) -> int:
    dsn = environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_owner@")
    with psycopg.connect(dsn) as connection:
        connection.execute("TRUNCATE market.bars_1m")
        shares = [symbol for (symbol,) in connection.execute(
            "SELECT symbol FROM market.instruments WHERE calendar = 'XNYS' ORDER BY symbol"
        )]  # fmt: skip
        days = connection.execute(_DAYS, [_SESSION, _SESSIONS]).fetchall()
        chance = np.random.default_rng(20260515)
        for symbol in shares:
            closes = 100 * np.cumprod(1 + chance.normal(0.0003, 0.015, len(days)))
            opens = [start for _, start in reversed(days)]
            connection.execute(_FILL, [[symbol] * len(days), opens, [round(float(close), 2) for close in closes]])
        connection.execute("INSERT INTO market.portfolios VALUES ('bench', 'All shares', 'USD', 'MSFT')")
        connection.execute("INSERT INTO market.portfolio_versions VALUES ('bench', '2020-01-02', 1000)")
        connection.execute(
            "INSERT INTO market.holdings SELECT 'bench', '2020-01-02', symbol, 10 FROM unnest(%s::text[]) symbol",
            [shares],
        )
        ((bars,),) = connection.execute("SELECT count(*) FROM market.bars_1m").fetchall()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE market.bars_1m")
    return int(bars)


def _run(environment: dict[str, str], *command: str) -> None:
    subprocess.run(command, env=environment, capture_output=True, check=True)
