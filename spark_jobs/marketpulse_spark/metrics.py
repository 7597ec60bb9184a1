"""The load's own metrics, sent by StatsD. Losing one never fails a load."""

from __future__ import annotations

import datetime as dt
import logging
import os
from collections.abc import Iterable, Mapping

import statsd

from marketpulse_spark.ranges import RangeCount
from marketpulse_spark.settings import ACTIONS_TOPIC, NEWS_TOPIC

_LOG = logging.getLogger("marketpulse.load")
#: What the messages of a topic are; those of all others are bars.
_KINDS = {ACTIONS_TOPIC: "actions", NEWS_TOPIC: "articles"}


class _Unsent(statsd.client.base.StatsClientBase):  # type: ignore[misc]  # the package has no types
    """Takes metrics that nobody can be sent."""

    _prefix = None

    def _send(self, data: str) -> None: ...

    def close(self) -> None: ...


def _client() -> statsd.client.base.StatsClientBase:
    host, port = os.environ.get("STATSD_HOST", "127.0.0.1"), os.environ.get("STATSD_PORT", "9125")
    try:
        client = statsd.StatsClient(host, int(port), prefix="marketpulse")
    except (OSError, ValueError) as error:
        _LOG.warning("Metrics are not sent to %s:%s: %s", host, port, error)
        return _Unsent()
    # What cannot be sent at once is lost: nothing waits for a metric.
    client._sock.setblocking(False)
    return client


class LoadMetrics:
    """Sends `marketpulse.*`; tags are part of the name, as the exporter's Influx dialect wants them."""

    def __init__(self, dataset: str) -> None:
        self._dataset = dataset
        self._client = _client()

    def close(self) -> None:
        """Gives the socket back."""
        self._client.close()

    def batch(self, counts: Iterable[RangeCount], seconds: float) -> None:
        """One committed batch: its messages by outcome and its duration from the start of the process."""
        self._client.timing(f"batch_duration,dataset={self._dataset}", seconds * 1000)
        for count in counts:
            topic = f"topic={count.range.topic}"
            what = _KINDS.get(count.range.topic, "bars")
            self._client.incr(f"{what}_loaded,{topic}", count.applied)
            self._client.incr(f"{what}_duplicate,{topic}", count.duplicates)
            self._client.incr(f"dead_letters,{topic}", count.dead_letters)

    def hops(self, seconds: Mapping[str, float]) -> None:
        """How long a batch's slowest live message took for each hop."""
        for hop, took in seconds.items():
            # The clocks of vendors, of Kafka (to the millisecond) and ours differ.
            self._client.timing(f"hop,dataset={self._dataset},hop={hop}", max(took, 0.0) * 1000)

    def backlog(self, messages: int) -> None:
        """Messages in Kafka that the ledger has not passed."""
        self._client.gauge(f"kafka_backlog_messages,dataset={self._dataset}", messages)

    def anomalies(self, found: Mapping[str, int]) -> None:
        """New anomalies, by kind."""
        for kind, count in found.items():
            self._client.incr(f"anomalies_found,kind={kind}", count)

    def newest_bars(self, newest: Iterable[tuple[str, str, dt.datetime]]) -> None:
        """When the minute of the newest bar of each source and calendar ended: unlike an age, that never gets stale."""
        for source, calendar, ts in newest:
            ended = (ts + dt.timedelta(minutes=1)).timestamp()
            self._client.gauge(f"newest_bar_timestamp_seconds,source={source},calendar={calendar}", ended)
