"""A source whose limits a test chooses."""

from __future__ import annotations

from datetime import UTC, datetime

import psycopg
from marketpulse.config import SourceSettings


def a_zone_far_from_midnight() -> str:
    """Whose day neither begins nor ends within the hours in which a test runs."""
    return "UTC" if 3 <= datetime.now(UTC).hour < 21 else "Etc/GMT+12"


def limited(
    per_second: int = 1000, per_minute: int = 10_000, per_day: int | None = None, **more: object
) -> SourceSettings:
    return SourceSettings.model_validate(
        {
            "name": "governed",
            "adapter": "alpha_vantage",
            "enabled": True,
            "requests_per_second": per_second,
            "requests_per_minute": per_minute,
            "requests_per_day": per_day,
            "day_zone": a_zone_far_from_midnight(),
            "poll": "always",
            **more,
        }
    )


def spent(settings: SourceSettings, owner_dsn: str) -> int:
    with psycopg.connect(owner_dsn) as connection:
        row = connection.execute("SELECT spent FROM ops.api_budget WHERE source = %s", (settings.name,)).fetchone()
    assert row
    return int(row[0])
