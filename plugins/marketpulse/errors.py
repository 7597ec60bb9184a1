"""The root of MarketPulse's own exceptions."""

from __future__ import annotations


class MarketPulseError(Exception):
    """Something went wrong that has a name of its own; the message ends with what to do next."""
