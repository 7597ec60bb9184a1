"""What the person at the keyboard sees: one line for each step, from whichever thread."""

from __future__ import annotations

import sys
import threading

_lock = threading.Lock()


def say(text: str = "") -> None:
    """Prints a line at once."""
    with _lock:
        print(text, flush=True)


def complain(text: str) -> None:
    """Prints to standard error at once."""
    with _lock:
        print(text, file=sys.stderr, flush=True)


def step_done(name: str, seconds: float, note: str = "") -> None:
    """One finished step."""
    say(f"  ok  {name:<34}{seconds:6.1f} s  {note}".rstrip())


def step_progress(name: str, seconds: float, note: str) -> None:
    """A sign of life of a step that takes long."""
    say(f"  ..  {name:<34}{seconds:6.0f} s  {note[:90]}".rstrip())
