"""How the services of a stack are: whether each answers, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import psutil

from marketpulse_stack.services import Service
from marketpulse_stack.supervision import ServiceState


def find_problems(services: Mapping[str, Service], states: Mapping[str, ServiceState]) -> dict[str, str]:
    """Why each service does not answer, or an empty string; all are asked at once."""
    with ThreadPoolExecutor(len(services)) as pool:
        answers = pool.map(lambda service: _problem(service, states.get(service.name)), services.values())
        return dict(zip(services, answers, strict=True))


def _problem(service: Service, state: ServiceState | None) -> str:
    if state is None or not state.running:
        return "no"
    return service.ready(float(state.started))


def memory_of_tree(pid: int) -> int:
    """Bytes in memory of a process and everything below it; 0 when it has ended."""
    try:
        process = psutil.Process(pid)
        tree = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    return sum(map(memory, tree))


def memory(process: psutil.Process) -> int:
    """Bytes in memory; what processes share is divided among them, so that sums are true."""
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
