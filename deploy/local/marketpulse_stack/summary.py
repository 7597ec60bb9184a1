"""x."""

from __future__ import annotations

from marketpulse_stack.settings import Settings


def print_summary(settings: Settings) -> None:
    """X."""
