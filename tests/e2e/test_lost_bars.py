"""Bars that were lost from PostgreSQL are found and brought back from the vendor."""

from __future__ import annotations

import csv
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from marketpulse_stack.airflow_api import AirflowApi

from tests.e2e.bar_files import REAL_BARS, VALUES, Bars, loaded, read_file, real_file, write_import_file
from tests.running_stack import RunningStack, wait_until

REAL_NAME = "coinbase_1min.csv.gz"


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
