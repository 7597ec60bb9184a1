"""The stack that the drill breaks: it runs from a copy of the checkout, and its state lies on a small disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.drill.faults import PER_DAY
from tests.local_stack import REPOSITORY, free_ports
from tests.running_stack import RunningStack

#: Crypto: its market is open at any hour.
SYMBOLS = ("BTCUSD", "ETHUSD")
_PLAN = "    requests_per_minute: 75\n"
_DISK = "4g"
_IN_NO_STACK = shutil.ignore_patterns(".*", "__pycache__", "tests", "docs")


@contextlib.contextmanager
def drilled_stack() -> Iterator[tuple[RunningStack, int]]:
    """Yields a running stack, and the port that its alerts are sent to; its vendor's plan has a budget for the day."""
    (port,) = free_ports(1)
    with tempfile.TemporaryDirectory(prefix="mp-drill-") as folder:
        project = Path(folder) / "project"
        shutil.copytree(REPOSITORY, project, ignore=_IN_NO_STACK)
        sources = project / "config" / "sources.yml"
        text = sources.read_text()
        if _PLAN not in text:
            raise RuntimeError(f"{sources} has no line {_PLAN!r}: change the drill with it")
        sources.write_text(text.replace(_PLAN, f"{_PLAN}    requests_per_day: {PER_DAY}\n", 1))
        alerts = f"http://127.0.0.1:{port}/"
        stack = RunningStack({"ALPHA_VANTAGE_SYMBOLS": ",".join(SYMBOLS), "ALERT_WEBHOOK_URL": alerts}, project=project)
        try:
            with _small_disk(stack.settings.home):
                try:
                    stack.up()
                    yield stack, port
                finally:
                    stack.down()
        finally:
            shutil.rmtree(stack.folder)


def has_small_disk() -> bool:
    """Whether the state can have a file system of its own."""
    return os.geteuid() == 0


@contextlib.contextmanager
def _small_disk(folder: Path) -> Iterator[None]:
    if not has_small_disk():
        yield
        return
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "drill", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
