"""History that heals itself: an outage, a backfill from the Airflow UI beside live bars, and bars that were lost."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from marketpulse_stack.airflow_api import AirflowApi
from marketpulse_stack.settings import REPOSITORY

from tests.e2e.airflow_page import airflow_page
from tests.e2e.bar_files import REAL_BARS, VALUES, Bars, loaded, read_file, real_file, write_import_file
from tests.running_stack import RunningStack, wait_until

REAL_NAME = "coinbase_1min.csv.gz"
MINUTE = timedelta(minutes=1)
OUTAGE_MINUTES = 180
FIRST, LAST = "2026/04/01", "2026/04/30"
SESSIONS = 21
REGULAR_MINUTES = 390
#: Seconds from the end of each live minute since a moment to when its bar could be read.
FRESHNESS = """
    SELECT extract(epoch FROM r.committed_at - b.ts) - 60
      FROM raw.bars b
      JOIN ops.batch_ranges r ON (r.topic, r.partition) = (b.topic, b.partition)
                             AND b.kafka_offset >= r.start_offset AND b.kafka_offset < r.end_offset
     WHERE b.topic = 'market.bars.v1' AND b.ts >= %s
"""
#: Bars of regular trading in April by symbol.
REGULAR = """
    SELECT symbol, count(*)
      FROM market.bars_1m
     CROSS JOIN LATERAL (SELECT (ts AT TIME ZONE 'America/New_York')::time AS wall_time) there
     WHERE source = 'alpha_vantage' AND ts >= '2026-04-01' AND ts < '2026-05-01'
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


def test_a_month_of_twenty_symbols_from_the_airflow_ui_beside_live_bars(
    stack: RunningStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    instruments = yaml.safe_load((REPOSITORY / "config/instruments.yml").read_text())["instruments"]
    symbols = [each["symbol"] for each in instruments if each["kind"] == "equity"]
    assert len(symbols) == 20
    began = datetime.now(UTC)
    with airflow_page(stack.settings, tmp_path) as page:
        page.start_backfill("backfill_bars", first=FIRST, last=LAST, symbols=symbols)
    wait_until(
        lambda: [run["state"] for run in backfills(stack)].count("success") == 30,
        seconds=900,
        what=f"30 runs, each a day ({[run['state'] for run in backfills(stack)]})",
    )
    wait_until(lambda: ended_backfills(stack) == 1, seconds=120, what="Airflow notices that the backfill has ended")
    everything = [(symbol, SESSIONS * REGULAR_MINUTES) for symbol in sorted(symbols)]
    wait_until(lambda: stack.query(REGULAR) == everything, seconds=300, what="every bar of the month")
    seconds = sorted(float(each) for (each,) in stack.query(FRESHNESS, began))
    assert len(seconds) >= 6
    freshness = seconds[int(0.95 * (len(seconds) - 1))]
    with capsys.disabled():
        sys.stdout.write(f"\n{len(seconds)} live bars beside the backfill: visible after {freshness:.1f} s at p95\n")
    # 30 s is the aim on a machine of its own. Here other tests run beside; behind the month it would be minutes.
    assert freshness <= 120, seconds


def test_the_same_days_again_change_no_row(stack: RunningStack) -> None:
    rows = "SELECT xmin::text, b FROM market.bars_1m b WHERE ts >= '2026-04-01' AND ts < '2026-05-01' ORDER BY 2"
    before = stack.query(rows)
    finished = stack.make(
        "airflow",
        "C=backfill create --dag-id backfill_bars --from-date 2026-04-01 --to-date 2026-04-02"
        """ --reprocess-behavior completed --dag-run-conf '{"symbols": ["IBM", "KO"]}'""",
    )
    assert finished.returncode == 0, finished.stdout
    wait_until(lambda: ended_backfills(stack) == 2, seconds=300, what="two days again")
    assert [run["state"] for run in backfills(stack)] == ["success"] * 30
    assert stack.query(rows) == before


def ended_backfills(stack: RunningStack) -> int:
    """How many backfills of Airflow have ended."""
    with AirflowApi(stack.settings) as api:
        return sum(bool(each["completed_at"]) for each in api.get("/backfills", dag_id="backfill_bars")["backfills"])


def backfills(stack: RunningStack) -> list[dict[str, Any]]:
    """The runs of days in April."""
    return [run for run in stack.runs("backfill_bars") if run["run_type"] == "backfill"]


@pytest.mark.parametrize("kind", ["real", "synthetic"])
def test_lost_bars_are_found_and_brought_back_from_the_vendor(tmp_path: Path, kind: str) -> None:
    """200 bars, three whole hours and a day deleted from PostgreSQL; the file stands for what the vendor has."""
    if kind == "synthetic" and (REAL_BARS / REAL_NAME).exists():
        pytest.skip("the real file is here; one boot of the stack is enough")
    source_file = real_file(REAL_NAME) if kind == "real" else write_import_file(tmp_path / "bars.csv", minutes=2880)
    path, expected = until_yesterday(source_file, tmp_path / "shifted.csv")
    stack = RunningStack(
        {
            "SIM_REPLAY_FILE": str(path),
            "ALPHA_VANTAGE_ENABLED": "false",
            "COINBASE_ENABLED": "true",
            "MARKETPULSE_DAGS": "check_completeness",
            "COINBASE_SYMBOLS": ",".join(sorted({symbol for symbol, _ in expected})),
        }
    )
    stack.environment["COINBASE_BASE_URL"] = f"http://127.0.0.1:{stack.settings.ports.simulator}"
    try:
        stack.up()
        finished = stack.make("import-bars", f"FILE={path}", "SOURCE=coinbase")
        assert finished.returncode == 0, finished.stdout
        assert loaded(stack, "coinbase") == expected
        check_completeness(stack)
        before = tables(stack)
        delete_some(stack, expected)
        assert loaded(stack, "coinbase") != expected
        check_completeness(stack)
        wait_until(lambda: loaded(stack, "coinbase") == expected, seconds=300, what="every bar again")
        check_completeness(stack)
        assert tables(stack) == before
        # Of today the file has no bar: each minute that passes is asked for anew.
        past = "source = 'coinbase' AND session < (now() AT TIME ZONE 'UTC')::date"
        assert stack.query(f"SELECT count(*) FROM ops.gaps WHERE closed_at IS NULL AND {past}") == [(0,)]
        counted = f"SELECT sum(expected - present), sum(untraded), sum(missing) FROM ops.coverage WHERE {past}"
        ((absent, untraded, missing),) = stack.query(counted)
        assert (absent, missing) == (untraded, 0)
    finally:
        stack.remove()


def until_yesterday(path: Path, shifted: Path) -> tuple[Path, Bars]:
    """All bars of a file, each symbol's days moved next to one another so that the last is yesterday.

    Of the years between and after them the vendor would be asked minute by minute, too.
    """
    bars = read_file(path)
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    kept: Bars = {}
    for symbol in {symbol for symbol, _ in bars}:
        days = sorted({start.date() for each, start in bars if each == symbol}, reverse=True)
        moved = {day: yesterday - timedelta(days=number) for number, day in enumerate(days)}
        kept |= {
            (symbol, datetime.combine(moved[start.date()], start.timetz())): values
            for (each, start), values in bars.items()
            if each == symbol
        }
    with shifted.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("symbol", "ts_utc", *VALUES))
        rows.writerows((symbol, f"{start:%Y-%m-%dT%H:%M:%SZ}", *values) for (symbol, start), values in kept.items())
    return shifted, kept


def check_completeness(stack: RunningStack) -> None:
    """What the hour does by itself: one run of the DAG."""
    with AirflowApi(stack.settings) as api:
        run_id = api.trigger("check_completeness")
        began = time.monotonic()
        while (state := api.get(f"/dags/check_completeness/dagRuns/{run_id}")["state"]) not in ("success", "failed"):
            assert time.monotonic() - began < 300, f"check_completeness is {state}"
            time.sleep(1)
    assert state == "success"


def tables(stack: RunningStack) -> list[list[tuple[Any, ...]]]:
    """Everything of the source but when a bar was fetched."""
    bars = f"SELECT symbol, ts, {', '.join(VALUES)} FROM market.bars_1m WHERE source = 'coinbase' ORDER BY 1, 2"
    indicators = "SELECT * FROM analytics.indicators_1m WHERE source = 'coinbase' ORDER BY symbol, ts"
    revisions = "SELECT * FROM market.bar_revisions WHERE source = 'coinbase'"
    coverage = "SELECT symbol, session, present FROM ops.coverage WHERE source = 'coinbase' ORDER BY 1, 2"
    return [stack.query(query) for query in (bars, indicators, revisions, coverage)]


def delete_some(stack: RunningStack, bars: Bars) -> None:
    """200 bars here and there, three whole hours of one symbol and a day of another."""
    chosen = sorted(bars)[:: len(bars) // 200][:200]
    symbols = sorted({symbol for symbol, _ in bars})
    middle = sorted(start for symbol, start in bars if symbol == symbols[-1])[len(bars) // len(symbols) // 2]
    day = max(start for _, start in bars).replace(hour=0, minute=0)
    stack.query(
        "WITH lost AS (DELETE FROM market.bars_1m WHERE source = 'coinbase' AND ("
        " (symbol, ts) IN (SELECT * FROM unnest(%s::text[], %s::timestamptz[]))"
        " OR symbol = %s AND ts >= %s AND ts < %s OR symbol = %s AND ts >= %s) RETURNING 1) SELECT count(*) FROM lost",
        *([symbol for symbol, _ in chosen], [start for _, start in chosen]),
        *(symbols[-1], middle, middle + timedelta(hours=3), symbols[0], day),
    )
