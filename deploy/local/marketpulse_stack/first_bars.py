"""x."""

from __future__ import annotations

from marketpulse_stack.settings import Settings


def wait_for_bars(settings: Settings, *, since: float) -> None:
    """X."""
