"""The StatsD client of Airflow and of the pipeline's own metrics."""

from __future__ import annotations

from typing import Any

from statsd import StatsClient


class ConnectedStatsClient(StatsClient):  # type: ignore[misc]  # the package has no types
    """Sends from a connected socket: an unconnected one would take datagrams from anybody on every interface."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sock.connect(self._addr)
