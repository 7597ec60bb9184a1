"""One `make up` at a time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from marketpulse_stack.errors import AlreadyRunningError
from marketpulse_stack.locking import exclusive, holder


def test_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    with exclusive(path, wait_seconds=0, waiting_for="`make up`"):
        assert holder(path) == os.getpid()
        with (
            pytest.raises(AlreadyRunningError, match=rf"`make up` is at work already \(process {os.getpid()}"),
            exclusive(path, wait_seconds=0, waiting_for="`make up`"),
        ):
            raise AssertionError("two hold one lock")
    assert holder(path) is None


def test_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    path = tmp_path / "up.lock"
    script = (
        "import pathlib, sys, time\nfrom marketpulse_stack.locking import exclusive\n"
        "with exclusive(pathlib.Path(sys.argv[1]), wait_seconds=0, waiting_for='x'):\n"
        "    print('held', flush=True)\n    time.sleep(60)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", script, path], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        assert holder(path) == process.pid
        process.kill()
    with exclusive(path, wait_seconds=0, waiting_for="`make up`"):
        assert holder(path) == os.getpid()
