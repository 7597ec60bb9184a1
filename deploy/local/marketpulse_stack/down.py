"""`make down`: stops a stack, whatever state it is in, and leaves no process behind."""

from __future__ import annotations

import shutil
import time

import psutil

from marketpulse_stack import locking
from marketpulse_stack.console import say
from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.processes import kill_all, stack_processes, supervisor_process
from marketpulse_stack.services import all_services
from marketpulse_stack.settings import Settings
from marketpulse_stack.supervision import Supervisor, socket_path

UP_SECONDS = 10.0
# The stores end last and in peace: what writes to them is gone by then.
LAST = ("kafka", "postgres")


def down(settings: Settings) -> None:
    """Stops everything of the stack; on a stopped one it does nothing.

    Raises:
        ServiceFailedError: A process cannot be ended.
    """
    began = time.monotonic()
    _end_up(settings)
    known = stack_processes(settings)
    if not known:
        say("MarketPulse is not running.")
        return
    if supervisor_process(settings) is not None and Supervisor(settings).answers():
        names = [name for name, state in Supervisor(settings).states().items() if state.state != "STOPPED"]
        _stop(settings, [name for name in names if name not in LAST])
        _stop(settings, [name for name in names if name in LAST])
    survivors = kill_all(settings, known=known)
    if survivors:
        what = ", ".join(f"{process.name()} ({process.pid})" for process in survivors)
        raise ServiceFailedError(f"These processes cannot be ended: {what}.", fix="End them as root, or reboot.")
    (settings.run / "supervisor.json").unlink(missing_ok=True)
    socket = socket_path(settings)
    socket.unlink(missing_ok=True)
    if not socket.is_relative_to(settings.home):
        socket.parent.rmdir()
    say(f"MarketPulse is down: {len(known)} processes ended in {time.monotonic() - began:.1f} s.")


def _end_up(settings: Settings) -> None:
    """Ends a `make up` that is still at work, so that it does not start what we stop."""
    pid = locking.holder(settings.run / "up.lock")
    if pid is None:
        return
    say(f"  ..  ending the `make up` that is at work (process {pid})")
    try:
        process = psutil.Process(pid)
        process.terminate()
        process.wait(UP_SECONDS)
    except psutil.TimeoutExpired:
        process.kill()
    except psutil.NoSuchProcess:
        pass  # It has ended by itself.


def _stop(settings: Settings, names: list[str]) -> None:
    supervisor = Supervisor(settings)
    for name in names:
        supervisor.stop(name, wait=False)
    services = all_services(settings)
    patience = max((services[name].stop_seconds for name in names if name in services), default=10) + 2
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        states = supervisor.states()
        if all(states[name].state in ("STOPPED", "EXITED", "FATAL") for name in names):
            return
        time.sleep(0.1)


def clean(settings: Settings) -> None:
    """Stops the stack and removes its state: data, logs, passwords. What is installed stays.

    Raises:
        ServiceFailedError: The folder does not look like a stack's.
    """
    down(settings)
    if not settings.home.exists():
        return
    if not (settings.home / "run").is_dir():
        raise ServiceFailedError(
            f"{settings.home} is not the state folder of a stack; nothing was removed.", fix="Check MARKETPULSE_HOME."
        )
    shutil.rmtree(settings.home)
    say(f"Removed {settings.home}.")
