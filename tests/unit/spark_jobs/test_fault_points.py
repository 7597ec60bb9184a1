"""The places where chaos tests stop the job."""

from __future__ import annotations

import re
import threading
import time
from pathlib import Path

import pytest
from marketpulse_spark import fault_points

JOBS = Path(__file__).resolve().parents[3] / "spark_jobs"


def test_every_name_is_reached_somewhere_and_no_other() -> None:
    reached = {
        name for path in JOBS.rglob("*.py") for name in re.findall(r'fault_points\.reach\("(\w+)"\)', path.read_text())
    }
    assert reached == set(fault_points.NAMES)


def test_nothing_happens_without_being_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MARKETPULSE_FAULT_POINT", raising=False)
    for name in fault_points.NAMES:
        fault_points.reach(name)


def test_first_to_arrive_holds_until_the_marker_is_gone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    monkeypatch.setenv("MARKETPULSE_FAULT_POINT", "after_copy")
    monkeypatch.setenv("MARKETPULSE_FAULT_MARKER", str(marker))
    fault_points.reach("before_commit")
    assert not marker.exists()
    held = threading.Thread(target=fault_points.reach, args=["after_copy"], daemon=True)
    held.start()
    deadline = time.monotonic() + 20
    while not marker.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    fault_points.reach("after_copy")  # A later arrival goes on.
    assert held.is_alive()
    marker.unlink()
    held.join(20)
    assert not held.is_alive()
