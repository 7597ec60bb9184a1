"""What a real statsd-exporter makes of the metrics of simulated minutes, as the series of a promtool test."""

from __future__ import annotations

import socket
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from tests.integration.running_exporter import running_exporter

_MARK = "simulated_minute"


@dataclass
class Recording:
    """Scrapes of an exporter, a minute apart.

    Attributes:
        port: Where StatsD lines are sent to, by UDP.
        url: The exporter's page.
        web: Who asks for it.
        series: Series to its values, from the minute on that it was first seen.
        born: Series to that minute.
        minutes: How many there are.
    """

    port: int
    url: str
    web: httpx.Client
    series: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    born: dict[str, int] = field(default_factory=dict)
    minutes: int = 0

    def scrape(self, sender: socket.socket) -> None:
        """Adds a minute: all that was sent before."""
        sender.sendto(f"marketpulse.{_MARK}:{self.minutes}|g".encode(), ("127.0.0.1", self.port))
        deadline = time.monotonic() + 20
        while self._metrics().get(f"marketpulse_{_MARK}") != self.minutes:
            assert time.monotonic() < deadline
        # Once more: the page that had the mark may have been begun before the lines that came ahead of it were taken.
        for name, value in self._metrics().items():
            self.born.setdefault(name, self.minutes)
            self.series[name].append(value)
        self.minutes += 1

    def _metrics(self) -> dict[str, float]:
        samples = (line.rpartition(" ") for line in self.web.get(self.url).text.splitlines() if line[0] != "#")
        # Nothing reads the sums of histograms.
        return {name: float(value) for name, _, value in samples if _is_ours(name)}

    def promtool_series(self, lead: int, epoch: float) -> list[dict[str, str]]:
        """The series as promtool wants them, which begins at 1970: `lead` minutes without any come first.

        Args:
            lead: How many minutes.
            epoch: What is 0 there, in seconds since 1970; points in time are moved by it, where they are known.
        """
        moved = {
            name: [value and value - epoch for value in values] if "_timestamp_seconds" in name else values
            for name, values in self.series.items()
        }
        return [
            {"series": name, "values": f"_x{lead + self.born[name]} {_encoded(values)}"}
            for name, values in sorted(moved.items())
        ]


def _is_ours(name: str) -> bool:
    metric = name.partition("{")[0]
    return metric.startswith(("airflow_", "marketpulse_", "statsd_exporter_lines")) and not metric.endswith("_sum")


def _encoded(values: Sequence[float]) -> str:
    """Values in promtool's notation: runs of equal steps."""
    runs = []
    place = 0
    while place < len(values):
        end = place + 1
        step = values[end] - values[place] if end < len(values) else 0.0
        while end < len(values) and values[end] - values[end - 1] == step:
            end += 1
        steps = end - place - 1
        runs.append(f"{values[place]:.15g}" + (f"{step:+.15g}x{steps}" if steps else ""))
        place = end
    return " ".join(runs)


@contextmanager
def recording() -> Iterator[Recording]:
    """A recording of an exporter of its own, for which a simulated minute is over in a moment."""
    with running_exporter("--statsd.event-flush-interval=1ms") as exporter, httpx.Client(trust_env=False) as web:
        yield Recording(exporter.port, exporter.url, web)
