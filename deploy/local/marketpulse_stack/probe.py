"""Tells statsd-exporter every few seconds how the services, their memory and the disk are.

It asks each service in its own protocol, as `make status` does, and needs neither Airflow nor PostgreSQL for that: what
it says holds when one of them is the patient.
"""

from __future__ import annotations

import logging
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping

from marketpulse_stack.health import find_problems, memory_of_tree
from marketpulse_stack.services import Service, all_services
from marketpulse_stack.settings import Settings, load_settings
from marketpulse_stack.supervision import ServiceState, Supervisor

POLL_SECONDS = 10.0

log = logging.getLogger("health-probe")


def observe(settings: Settings, services: Mapping[str, Service], states: Mapping[str, ServiceState]) -> Iterator[str]:
    """What is to be told now, as StatsD lines with Influx tags."""
    for name, problem in find_problems(services, states).items():
        if problem:
            log.warning("%s: %s", name, problem)
        yield _gauge("service_up", int(not problem), service=name)
        state = states.get(name)
        if state is not None and state.running:
            yield _gauge("service_started_timestamp_seconds", state.started, service=name)
            yield _gauge("service_memory_bytes", memory_of_tree(state.pid), service=name)
    for volume, folder in (("state", settings.home), ("software", settings.tools)):
        usage = shutil.disk_usage(folder)
        yield _gauge("disk_free_bytes", usage.free, volume=volume)
        yield _gauge("disk_size_bytes", usage.total, volume=volume)


def _gauge(name: str, value: int, **tags: str) -> str:
    return ",".join([f"marketpulse.{name}", *(f"{key}={tag}" for key, tag in tags.items())]) + f":{value}|g"


def watch(settings: Settings) -> None:
    """Tells for ever."""
    services = all_services(settings)
    supervisor = Supervisor(settings)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        # Connected: an unconnected one would take datagrams from anybody on every interface.
        sender.connect(("127.0.0.1", settings.ports.statsd))
        while True:
            try:
                for line in observe(settings, services, supervisor.states()):
                    sender.send(line.encode())
            except ConnectionRefusedError:
                log.warning("statsd-exporter does not listen on port %d", settings.ports.statsd)
            time.sleep(POLL_SECONDS)


if __name__ == "__main__":
    # Warnings only: every answer that is well would be a line.
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(message)s")
    watch(load_settings(os.environ))
