"""The pipeline's own metrics, sent to statsd-exporter by UDP: fire and forget.

Names carry Influx-style tags (`marketpulse.bars_published,source=alpha_vantage`). A metric that cannot be sent is
logged at debug level and changes nothing else: no run fails for its metrics.
"""

from __future__ import annotations

import logging
import os
from functools import cache

from marketpulse.statsd_client import ConnectedStatsClient

log = logging.getLogger(__name__)


@cache
def _client() -> ConnectedStatsClient | None:
    host, port = os.environ.get("STATSD_HOST"), os.environ.get("STATSD_PORT")
    if not host or not port:
        log.debug("STATSD_HOST or STATSD_PORT is not set: metrics are not sent")
        return None
    try:
        return ConnectedStatsClient(host, int(port), prefix="marketpulse")
    except (OSError, ValueError) as error:
        log.debug("metrics are not sent: %s", error)
        return None


def _tagged(name: str, tags: dict[str, str]) -> str:
    return ",".join([name, *(f"{key}={value}" for key, value in sorted(tags.items()))])


def count(name: str, value: int, **tags: str) -> None:
    """Add to a counter."""
    client = _client()
    if client and value:
        client.incr(_tagged(name, tags), value)


def gauge(name: str, value: float, **tags: str) -> None:
    """Set a gauge."""
    client = _client()
    if client:
        client.gauge(_tagged(name, tags), value)


def timing(name: str, seconds: float, **tags: str) -> None:
    """Record a duration."""
    client = _client()
    if client:
        client.timing(_tagged(name, tags), seconds * 1000)
