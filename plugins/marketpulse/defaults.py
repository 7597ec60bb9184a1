"""What every task has in common."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

OWNER = "data-engineering"
START_DATE = datetime(2026, 1, 1, tzinfo=UTC)

# A second and third try within the minute; after that, the next run is the better retry.
DEFAULT_ARGS: dict[str, Any] = {
    "owner": OWNER,
    "retries": 2,
    "retry_delay": timedelta(seconds=3),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(seconds=15),
}
