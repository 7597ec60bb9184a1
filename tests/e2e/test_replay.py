"""A file of a vendor's real answers goes through API, Kafka and Spark and arrives unchanged."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.e2e.bar_files import REAL_BARS, loaded, read_file, real_file, write_replay_file
from tests.running_stack import RunningStack, wait_until

CLOCK_START = "2020-12-19T01:05:00Z"
REAL_NAME = "msft_1min_2020.csv"


@pytest.mark.parametrize("kind", ["real", "synthetic"])
def test_replayed_file_is_in_the_warehouse_decimal_for_decimal(tmp_path: Path, kind: str) -> None:
    if kind == "synthetic" and (REAL_BARS / REAL_NAME).exists():
        pytest.skip("the real file is here; one boot of the stack is enough")
    path = (
        real_file(REAL_NAME)
        if kind == "real"
        else write_replay_file(tmp_path / "bars.csv", end=datetime(2020, 12, 18, 20, 30, tzinfo=UTC))
    )
    expected = read_file(path, symbol="MSFT")
    stack = RunningStack(
        {
            "SIM_REPLAY_FILE": str(path),
            "SIM_REPLAY_SYMBOL": "MSFT",
            "SIM_CLOCK_START": CLOCK_START,
            "MARKETPULSE_DAGS": "ingest_bars",
        }
    )
    try:
        stack.up()
        count = "SELECT count(*) FROM market.bars_1m"
        wait_until(lambda: stack.query(count)[0][0] >= len(expected), seconds=240, what=f"{len(expected)} bars")
        assert loaded(stack, "alpha_vantage") == expected
        if kind == "real":
            assert len(expected) == 11_190
    finally:
        stack.remove()
