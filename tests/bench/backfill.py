"""A month of twenty shares by Airflow's own backfill, and how fresh live bars stay beside it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import psycopg
import yaml

from tests.local_stack import REPOSITORY, run

FIRST, LAST, DAYS = "2026-04-01", "2026-04-30", 30
#: 21 sessions of 390 minutes.
REGULAR_BARS = 8190
VARIABLES = {"ALPHA_VANTAGE_SYMBOLS": "BTCUSD,ETHUSD", "MARKETPULSE_DAGS": "backfill_bars"}
_SECONDS = 1800
_RUNS = "SELECT count(*) FROM dag_run WHERE dag_id = 'backfill_bars' AND run_type = 'backfill' AND state = 'success'"
_REGULAR = """
    SELECT count(*)
      FROM market.bars_1m
     CROSS JOIN LATERAL (SELECT (ts AT TIME ZONE 'America/New_York')::time AS wall_time) there
     WHERE source = 'alpha_vantage' AND ts >= %s AND ts < %s::date + 1 AND wall_time >= '09:30' AND wall_time < '16:00'
"""
#: Seconds from the end of each live minute since a moment to when its bar could be read.
_FRESHNESS = """
    SELECT extract(epoch FROM r.committed_at - b.ts)::float8 - 60
      FROM raw.bars b
      JOIN ops.batch_ranges r ON (r.topic, r.partition) = (b.topic, b.partition)
                             AND b.kafka_offset >= r.start_offset AND b.kafka_offset < r.end_offset
     WHERE b.topic = 'market.bars.v1' AND b.ts >= %s
"""


def measure(environment: dict[str, str]) -> list[dict[str, object]]:
    """Starts the backfill on a whole stack, and waits until every bar of it is there.

    Raises:
        TimeoutError: It is not, half an hour later.
    """
    instruments = yaml.safe_load((REPOSITORY / "config/instruments.yml").read_text())["instruments"]
    symbols = [each["symbol"] for each in instruments if each["kind"] == "equity"]
    began, clock = datetime.now(UTC), time.monotonic()
    said = json.dumps({"symbols": symbols})
    run(
        environment,
        *("make", "-s", "airflow"),
        f"C=backfill create --dag-id backfill_bars --from-date {FIRST} --to-date {LAST}"
        f" --reprocess-behavior completed --dag-run-conf '{said}'",
    )
    airflow = environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"].replace("+psycopg2", "")
    warehouse = environment["MARKETPULSE_WAREHOUSE_DSN"]
    while _rows(airflow, _RUNS) != [(DAYS,)] or _rows(warehouse, _REGULAR, FIRST, LAST) != [
        (len(symbols) * REGULAR_BARS,)
    ]:
        if time.monotonic() - clock > _SECONDS:
            raise TimeoutError(f"the month is not there after {_SECONDS} s")
        time.sleep(2)
    seconds = time.monotonic() - clock
    fresh = sorted(value for (value,) in _rows(warehouse, _FRESHNESS, began))
    return [
        {
            "symbols": len(symbols),
            "days": DAYS,
            "seconds": round(seconds, 1),
            "live bars beside it": len(fresh),
            "visible after (median s)": round(fresh[len(fresh) // 2], 1),
            "visible after (p95 s)": round(fresh[int(0.95 * (len(fresh) - 1))], 1),
        }
    ]


def _rows(dsn: str, statement: str, *values: object) -> list[tuple[float, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(statement.encode(), values or None).fetchall()
