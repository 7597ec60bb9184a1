"""One of several processes that spend a vendor's budget as fast as it grants; run by test_budget_under_kill.py.

It begins when its input ends, and appends a line to a file each time it would send a request: that file is the
vendor's own count.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time

from marketpulse.config import SourceSettings
from marketpulse.sources.budget import PostgresBudget, Purpose
from marketpulse.sources.errors import DailyBudgetExhausted, Deferred

TAKERS = 2


async def spend(settings: SourceSettings, purpose: Purpose, vendor: int) -> None:
    """Takes requests, several at a time, until there are no more."""
    budget = PostgresBudget(settings, purpose)

    async def take_all() -> None:
        while True:
            try:
                await budget.take("MSFT", 35)
            except TimeoutError:
                continue
            except (DailyBudgetExhausted, Deferred):
                return
            os.write(vendor, f"{time.time_ns()} {purpose}\n".encode())

    await asyncio.gather(*(take_all() for _ in range(TAKERS)))
    await budget.close()


if __name__ == "__main__":
    # Loaded; waits for the others.
    os.write(sys.stdout.fileno(), b"ready")
    sys.stdin.read()
    asyncio.run(
        spend(
            SourceSettings.model_validate_json(sys.argv[1]),
            Purpose(sys.argv[2]),
            os.open(sys.argv[3], os.O_WRONLY | os.O_APPEND),
        )
    )
