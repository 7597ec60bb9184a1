"""One `make up` at a time for each state folder, and for each folder of installed software."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

from marketpulse_stack.commands import CancelledError, cancelled
from marketpulse_stack.console import say
from marketpulse_stack.errors import AlreadyRunningError


@contextlib.contextmanager
def exclusive(path: Path, *, wait_seconds: float, waiting_for: str) -> Iterator[None]:
    """Holds a lock file; the system releases it when this process ends, however it ends.

    Raises:
        AlreadyRunningError: Somebody else held it for all of `wait_seconds`.
        CancelledError: The set-up was ended while it waited.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        deadline = time.monotonic() + wait_seconds
        announced = False
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                file.seek(0)
                holder = file.read().strip() or "unknown"
                if time.monotonic() >= deadline:
                    raise AlreadyRunningError(
                        f"{waiting_for} is at work already (process {holder}, lock {path}).",
                        fix="Let it finish, or end it with `make down`.",
                    ) from error
                if cancelled():
                    raise CancelledError(waiting_for) from error
                if not announced:
                    say(f"  ..  waiting for {waiting_for} (process {holder})")
                    announced = True
                time.sleep(0.2)
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
        file.truncate(0)


def holder(path: Path) -> int | None:
    """The process that holds the lock, if any."""
    if not path.exists():
        return None
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            text = file.read().strip()
            return int(text) if text.isdecimal() else None
    return None
