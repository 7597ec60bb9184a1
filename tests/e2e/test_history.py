"""History that comes in beside live bars: after an outage, and by a backfill from the Airflow UI."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from marketpulse_stack.airflow_api import AirflowApi

from tests.e2e.airflow_page import airflow_page
from tests.running_stack import RunningStack, wait_until

MINUTE = timedelta(minutes=1)
OUTAGE_MINUTES = 180
#: Good Friday and a weekend are among these days. `make bench` takes a month of twenty symbols.
FIRST, LAST = "2026/04/01", "2026/04/07"
DAYS, SESSIONS = 7, 4
SYMBOLS = ("AAPL", "IBM", "KO", "MSFT")
REGULAR_MINUTES = 390
#: Seconds from the end of each live minute since a moment to when its bar could be read.
FRESHNESS = """
    SELECT extract(epoch FROM r.committed_at - b.ts) - 60
      FROM raw.bars b
      JOIN ops.batch_ranges r ON (r.topic, r.partition) = (b.topic, b.partition)
                             AND b.kafka_offset >= r.start_offset AND b.kafka_offset < r.end_offset
     WHERE b.topic = 'market.bars.v1' AND b.ts >= %s
"""
#: Bars of regular trading in the first days of April by symbol.
REGULAR = """
    SELECT symbol, count(*)
      FROM market.bars_1m
     CROSS JOIN LATERAL (SELECT (ts AT TIME ZONE 'America/New_York')::time AS wall_time) there
     WHERE source = 'alpha_vantage' AND ts >= '2026-04-01' AND ts < '2026-04-08'
       AND wall_time >= '09:30' AND wall_time < '16:00'
     GROUP BY symbol ORDER BY symbol
"""


@pytest.fixture(scope="module")
def stack() -> Iterator[RunningStack]:
    """A stack whose vendor's clock is three hours behind."""
    started = datetime.now(UTC) - OUTAGE_MINUTES * MINUTE
    stack = RunningStack(
        {
            "ALPHA_VANTAGE_SYMBOLS": "BTCUSD,ETHUSD",
            "ALPHA_VANTAGE_POLL": "session",
            "SIM_CLOCK_START": started.isoformat(),
            "MARKETPULSE_DAGS": "backfill_bars",
        }
    )
    try:
        stack.up()
        yield stack
    finally:
        stack.remove()


def simulator(stack: RunningStack, method: str, path: str, **json: Any) -> Any:
    """Asks the stack's simulator for something beside the market."""
    url = f"http://127.0.0.1:{stack.settings.ports.simulator}{path}"
    return httpx.request(method, url, json=json or None, timeout=10, trust_env=False).raise_for_status().json()


def test_three_hours_of_outage_are_made_up_for_by_the_next_polls(stack: RunningStack) -> None:
    simulator(stack, "POST", "/admin/faults", kind="outage", minutes=10 * OUTAGE_MINUTES)
    wait_until(
        lambda: "failed" in {run["state"] for run in stack.runs("ingest_bars")}, seconds=180, what="a poll that fails"
    )
    back = datetime.now(UTC)
    behind = back - datetime.fromisoformat(simulator(stack, "GET", "/health")["clock"])
    assert behind >= OUTAGE_MINUTES * MINUTE
    simulator(stack, "POST", "/admin/clock/advance", minutes=behind / MINUTE)
    simulator(stack, "DELETE", "/admin/faults")
    whole = "SELECT count(*) FROM market.bars_1m WHERE source = 'alpha_vantage' AND ts >= %s AND ts < %s"
    end = back.replace(second=0, microsecond=0) - MINUTE
    span = 2 * OUTAGE_MINUTES
    wait_until(
        lambda: stack.query(whole, end - span * MINUTE, end) == [(2 * span,)],
        seconds=600,
        what="every minute of the outage",
    )


def test_a_week_from_the_airflow_ui_beside_live_bars(
    stack: RunningStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    began = datetime.now(UTC)
    with airflow_page(stack.settings, tmp_path) as page:
        page.start_backfill("backfill_bars", first=FIRST, last=LAST, symbols=SYMBOLS)
    wait_until(
        lambda: [run["state"] for run in backfills(stack)].count("success") == DAYS,
        seconds=600,
        what=f"{DAYS} runs, each a day ({[run['state'] for run in backfills(stack)]})",
    )
    wait_until(lambda: ended_backfills(stack) == 1, seconds=120, what="Airflow notices that the backfill has ended")
    everything = [(symbol, SESSIONS * REGULAR_MINUTES) for symbol in SYMBOLS]
    wait_until(lambda: stack.query(REGULAR) == everything, seconds=300, what="every bar of the week")
    wait_until(lambda: stack.query(FRESHNESS, began), seconds=180, what="a live bar of a minute since then")
    seconds = sorted(float(each) for (each,) in stack.query(FRESHNESS, began))
    freshness = seconds[int(0.95 * (len(seconds) - 1))]
    with capsys.disabled():
        sys.stdout.write(f"\n{len(seconds)} live bars beside the backfill: visible after {freshness:.1f} s at p95\n")
    # 30 s is the aim on a machine of its own. Here other tests run beside; behind a month it would be minutes.
    assert freshness <= 120, seconds


def test_the_same_days_again_change_no_row(stack: RunningStack) -> None:
    rows = "SELECT xmin::text, b FROM market.bars_1m b WHERE ts >= '2026-04-01' AND ts < '2026-04-08' ORDER BY 2"
    before = stack.query(rows)
    finished = stack.make(
        "airflow",
        "C=backfill create --dag-id backfill_bars --from-date 2026-04-01 --to-date 2026-04-02"
        """ --reprocess-behavior completed --dag-run-conf '{"symbols": ["IBM", "KO"]}'""",
    )
    assert finished.returncode == 0, finished.stdout
    wait_until(lambda: ended_backfills(stack) == 2, seconds=300, what="two days again")
    assert [run["state"] for run in backfills(stack)] == ["success"] * DAYS
    assert stack.query(rows) == before


def ended_backfills(stack: RunningStack) -> int:
    """How many backfills of Airflow have ended."""
    with AirflowApi(stack.settings) as api:
        return sum(bool(each["completed_at"]) for each in api.get("/backfills", dag_id="backfill_bars")["backfills"])


def backfills(stack: RunningStack) -> list[dict[str, Any]]:
    """The runs of days in April."""
    return [run for run in stack.runs("backfill_bars") if run["run_type"] == "backfill"]
