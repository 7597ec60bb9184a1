"""A clock of PostgreSQL that tests set."""

from __future__ import annotations

import psycopg


class Clock:
    """The time that the budget believes it is: PostgreSQL's own, moved."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self._connection = connection

    def set(self, moment: str) -> None:
        """Moves it to an instant in UTC; it goes on from there."""
        self._connection.execute(
            "UPDATE simulated.clock SET moved = %s - pg_catalog.clock_timestamp()", (moment + "Z",)
        )
