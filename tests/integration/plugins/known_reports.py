"""What questions are asked with in tests, and how answers to known data are written down."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from marketpulse.reports.parameters import Value

KNOWN = Path(__file__).parent / "reports"
VALUES: dict[str, Value] = {
    "symbol": "AAA",
    "source": "a",
    "portfolio": "mine",
    "confidence": 0.95,
    "hours": 6,
    "days": 3660,
}


def readable(value: Any) -> Any:
    """A value as the file of answers writes it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        assert value.utcoffset() is not None
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M")
    return str(value) if isinstance(value, date) else value
