"""Polls with a free key's limits of a vendor that enforces them."""

from __future__ import annotations

import re
import socket
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
from marketpulse.ingest import poll_source
from marketpulse.warehouse import connect

from tests.integration.plugins.changed_project import project_with
from tests.integration.plugins.moved_clock import Clock
from tests.integration.plugins.simulated_vendor import run_simulator
from tests.local_stack import free_ports
from tests.sent_metrics import sent_lines

SYMBOLS = ("BTCUSD", "ETHUSD", "LTCUSD", "MSFT", "IBM")
STEP = timedelta(minutes=30)
A_DAY = 25
CANARY = "CANARY-KEY/0001+x"
FREE_KEY = ("requests_per_second: 5", f"requests_per_second: 1\n    requests_per_day: {A_DAY}")


@pytest.fixture
def strict_vendor(task_environment: dict[str, str], tmp_path: Path) -> Iterator[httpx.Client]:
    """A simulator that serves one request a second and 25 a day, and refuses more in the vendor's words."""
    limits = {"SIM_RATE_PER_SECOND": "1", "SIM_DAILY_BUDGET": str(A_DAY)}
    with run_simulator(free_ports(1)[0], tmp_path / "simulator.log", **limits) as client:
        yield client


@pytest.fixture
def free_key(strict_vendor: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project whose config/sources.yml says what a free key may do."""
    root = project_with(tmp_path, *FREE_KEY)
    monkeypatch.setenv("MARKETPULSE_ROOT", str(root))
    monkeypatch.setenv("ALPHA_VANTAGE_BASE_URL", str(strict_vendor.base_url))
    monkeypatch.setenv("ALPHA_VANTAGE_SYMBOLS", ",".join(SYMBOLS))
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    with connect(statement_seconds=5, lock_seconds=5) as connection:
        for symbol in SYMBOLS:
            connection.execute(
                "INSERT INTO ops.source_watermarks VALUES ('alpha_vantage', %s, '1min', %s, '{}')",
                (symbol, now - timedelta(minutes=30)),
            )


def outcomes(receiver: socket.socket) -> Counter[str]:
    """How the requests ended since this was asked last."""
    pattern = re.compile(r"marketpulse.vendor_requests,outcome=(\w+),source=alpha_vantage:1\|c")
    return Counter(request[1] for line in sent_lines(receiver) if (request := pattern.fullmatch(line)))


@pytest.mark.usefixtures("free_key")
def test_a_day_of_polls_with_a_free_key_meets_no_refusal(
    strict_vendor: httpx.Client, clock: Clock, receiver: socket.socket
) -> None:
    asked: Counter[str] = Counter()
    met: Counter[str] = Counter()
    busy_at: list[datetime] = []
    for step in range(timedelta(days=1) // STEP):
        now = datetime(2026, 11, 23, tzinfo=UTC) + step * STEP
        clock.set(f"{now:%Y-%m-%d %H:%M}")
        if now.hour == 12 and now.minute == 0:
            # Two answers that are counted and cannot be read: a retry is a request, too.
            strict_vendor.post("/admin/faults", json={"kind": "cut_off", "remaining": 2}).raise_for_status()

        result = poll_source("alpha_vantage", f"run-{step}")

        asked.update(set(result.asked) - set(result.deferred))
        assert all("MalformedAnswer" in problem for problem in result.failures.values())
        requests = outcomes(receiver)
        met += requests
        if requests:
            busy_at.append(now)
            # The clock jumps; the vendor's second does not.
            time.sleep(1)

    assert met.keys() == {"ok", "malformed"}
    assert met["malformed"] == 2
    assert 23 <= met.total() <= A_DAY
    assert set(asked.values()) <= {4, 5, 6}
    assert max(later - earlier for earlier, later in pairwise(busy_at)) <= timedelta(minutes=72) + 2 * STEP
    # The vendor has counted the same requests.
    answers = [ask_directly(strict_vendor) for _ in range(A_DAY - met.total() + 1)]
    assert ["requests per day" in answer for answer in answers] == [*[False] * (len(answers) - 1), True]


def ask_directly(vendor: httpx.Client) -> str:
    time.sleep(1.1)
    params = {"function": "MARKET_STATUS", "apikey": CANARY}
    return vendor.get("/query", params=params).text
