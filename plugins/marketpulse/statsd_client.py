"""The StatsD client of Airflow and of the pipeline's own metrics."""

from __future__ import annotations

import logging
from typing import Any

from statsd import StatsClient

log = logging.getLogger(__name__)


class ConnectedStatsClient(StatsClient):  # type: ignore[misc]  # the package has no types
    """Sends from a connected socket: an unconnected one would take datagrams from anybody on every interface.

    Nothing waits for a metric, and nothing fails for one: what cannot be sent at once is lost.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._sock.setblocking(False)
        try:
            self._sock.connect(self._addr)
        except OSError as error:
            # There is no way to it now. Airflow would take this for an error of the task that counts something.
            log.warning("metrics cannot be sent to %s: %s", self._addr, error)
