"""A real supervisord: its socket, restarts, adopted orphans, and that nothing outlives `down`."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from marketpulse_stack import credentials
from marketpulse_stack.down import down
from marketpulse_stack.environment import environment_files
from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.processes import alive, stack_processes, supervisor_process
from marketpulse_stack.services import Service
from marketpulse_stack.settings import REPOSITORY, Settings, load_settings
from marketpulse_stack.starting import changed_since_start, start_and_wait
from marketpulse_stack.supervision import LONGEST_SOCKET_PATH, Supervisor, ensure_supervisor, socket_path


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Settings]:
    """Settings with the real checkout and tools, a home of their own, and files as `make up` writes them."""
    settings = load_settings({"MARKETPULSE_HOME": str(tmp_path / "home"), **_tools()}, root=REPOSITORY)
    for folder in (settings.home, settings.logs, settings.run):
        folder.mkdir(parents=True, exist_ok=True)
    for path, text in environment_files(settings).items():
        credentials.write_private(path, text)
    yield settings
    down(settings)
    assert stack_processes(settings) == []


def _tools() -> dict[str, str]:
    return {name: os.environ[name] for name in ("MARKETPULSE_TOOLS",) if name in os.environ}


def _service(settings: Settings, script: str, ready: Callable[[float], str] = lambda started: "") -> Service:
    return Service(
        name="sleeper",
        command=("sh", "-c", script),
        env_files=(settings.run / "base.env", settings.run / "simulator.env"),
        directory=settings.home,
        ready=ready,
        ready_seconds=20,
    )


def _wait(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_socket_of_a_deep_home_gets_a_short_path(settings: Settings) -> None:
    assert socket_path(settings).is_relative_to(settings.home) or len(str(settings.home)) > 60
    deep = replace(settings, home=settings.home / ("x" * 200))
    other = replace(settings, home=settings.home / ("y" * 200))
    assert len(os.fsencode(socket_path(deep))) <= LONGEST_SOCKET_PATH
    assert socket_path(deep) != socket_path(other)


def test_killed_service_comes_back(stack: Settings) -> None:
    service = _service(stack, "exec sleep 1000")
    assert ensure_supervisor(stack, [service])
    assert not ensure_supervisor(stack, [service])
    assert start_and_wait(stack, service) == "ready"
    assert start_and_wait(stack, service) == "runs"
    first = Supervisor(stack).state("sleeper").pid
    psutil.Process(first).kill()
    _wait(lambda: Supervisor(stack).state("sleeper").pid not in (0, first))


def test_orphans_end_with_the_stack_even_when_they_left_their_group(stack: Settings) -> None:
    pid_file = stack.home / "orphan"
    daemon = f"setsid env -i sh -c 'echo $$ > {pid_file}; exec sleep 1000' & sleep 1; exec sleep 1000"
    service = _service(stack, daemon)
    ensure_supervisor(stack, [service])
    start_and_wait(stack, service)
    _wait(lambda: pid_file.exists() and pid_file.read_text().strip())
    orphan = psutil.Process(int(pid_file.read_text()))
    psutil.Process(Supervisor(stack).state("sleeper").pid).kill()
    _wait(lambda: orphan.ppid() == getattr(supervisor_process(stack), "pid", 0))
    down(stack)
    assert not alive(orphan)


def test_down_finds_services_whose_supervisor_was_killed(stack: Settings) -> None:
    service = _service(stack, "exec sleep 1000")
    ensure_supervisor(stack, [service])
    start_and_wait(stack, service)
    pid = Supervisor(stack).state("sleeper").pid
    supervisor = supervisor_process(stack)
    assert supervisor is not None
    supervisor.kill()
    _wait(lambda: supervisor_process(stack) is None)
    service_process = psutil.Process(pid)
    assert alive(service_process)
    down(stack)
    assert not alive(service_process)


def test_service_that_keeps_ending_is_reported_with_its_log(stack: Settings) -> None:
    service = _service(stack, "echo the reason; exit 1")
    ensure_supervisor(stack, [service])
    with pytest.raises(ServiceFailedError) as caught:
        start_and_wait(stack, service)
    assert "the reason" in str(caught.value)
    assert "sleeper is not ready" in str(caught.value)


def test_service_sees_its_own_variables_only(stack: Settings) -> None:
    service = _service(stack, "env; exec sleep 1000")
    ensure_supervisor(stack, [service])
    start_and_wait(stack, service)
    lines = (stack.logs / "sleeper.log").read_text().splitlines()
    assert f"SIMULATOR_PORT={stack.ports.simulator}" in lines
    assert not [line for line in lines if line.startswith(("PYTEST_", "SUPERVISOR_"))]


def test_changed_setting_of_a_running_service_is_noticed(stack: Settings) -> None:
    service = _service(stack, "exec sleep 1000")
    ensure_supervisor(stack, [service])
    start_and_wait(stack, service)
    assert not changed_since_start(stack, service)
    assert changed_since_start(replace(stack, simulator={"SIM_SEED": "7"}), service)
