"""Which processes belong to a stack, and how to end all of them.

Supervisord leads a session of its own and adopts orphans (it is a "child subreaper"), so whatever its services
start stays below it, daemons included. For the case that supervisord itself was killed, members are also known by that
session and by a variable in their environment.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import psutil

from marketpulse_stack.settings import Settings

MARKER = "MARKETPULSE_STACK_PROCESS"


def marker(settings: Settings) -> dict[str, str]:
    """The variable that marks every process of this stack."""
    return {MARKER: str(settings.home)}


def record_supervisor(settings: Settings, pid: int) -> None:
    """Remembers supervisord, so that its session is found even when it was killed."""
    identity = {"pid": pid, "created": psutil.Process(pid).create_time(), "boot": psutil.boot_time()}
    (settings.run / "supervisor.json").write_text(json.dumps(identity))


def supervisor_process(settings: Settings) -> psutil.Process | None:
    """Supervisord of this stack, if it runs."""
    identity = _read_identity(settings.run / "supervisor.json")
    if identity is None:
        return None
    try:
        process = psutil.Process(int(identity["pid"]))
        if abs(process.create_time() - identity["created"]) > 1 or process.status() == psutil.STATUS_ZOMBIE:
            return None
    except psutil.NoSuchProcess:
        return None
    return process


def stack_processes(settings: Settings) -> list[psutil.Process]:
    """Every living process of this stack, the caller and its parents excepted."""
    supervisor = supervisor_process(settings)
    members = {} if supervisor is None else {process.pid: process for process in (supervisor, *_children(supervisor))}
    for process in (*_session_members(settings), *_marked(settings), *_postmaster(settings)):
        members.setdefault(process.pid, process)
        members.update({child.pid: child for child in _children(process)})
    for pid in (os.getpid(), *(parent.pid for parent in psutil.Process().parents())):
        members.pop(pid, None)
    return [process for process in members.values() if alive(process)]


def alive(process: psutil.Process) -> bool:
    """Whether it still runs; a zombie, which only waits for its parent to notice, does not."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def kill_all(
    settings: Settings, *, known: Iterable[psutil.Process] = (), seconds: float = 10.0
) -> list[psutil.Process]:
    """Kills until nothing of the stack is left; returns what survived `seconds` of that."""
    deadline = time.monotonic() + seconds
    rest = {process.pid: process for process in known}
    while True:
        rest.update({process.pid: process for process in stack_processes(settings)})
        rest = {pid: process for pid, process in rest.items() if alive(process)}
        if not rest or time.monotonic() > deadline:
            return list(rest.values())
        for process in rest.values():
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue  # Ended by itself just now.
        time.sleep(0.1)


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.NoSuchProcess:
        return []


def _session_members(settings: Settings) -> Iterator[psutil.Process]:
    identity = _read_identity(settings.run / "supervisor.json")
    if identity is None:
        return
    for process in psutil.process_iter():
        try:
            # A process older than supervisord is of an earlier session that had the same number.
            if os.getsid(process.pid) == identity["pid"] and process.create_time() >= identity["created"] - 1:
                yield process
        except (ProcessLookupError, PermissionError, psutil.Error):
            continue  # Ended meanwhile, or of another user: then it is not ours.


def _marked(settings: Settings) -> Iterator[psutil.Process]:
    wanted = f"{MARKER}={settings.home}".encode()
    for process in psutil.process_iter():
        try:
            if wanted in Path(f"/proc/{process.pid}/environ").read_bytes().split(b"\0"):
                yield process
        except OSError:
            continue  # Ended meanwhile, or of another user: then it is not ours.


def _postmaster(settings: Settings) -> Iterator[psutil.Process]:
    pid_file = settings.home / "postgres" / "data" / "postmaster.pid"
    try:
        process = psutil.Process(int(pid_file.read_text().split("\n", 1)[0]))
        if process.name() == "postgres":
            yield process
    except (OSError, ValueError, psutil.Error):
        return  # Not running.


def _read_identity(path: Path) -> dict[str, float] | None:
    try:
        identity: dict[str, float] = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return identity if abs(identity["boot"] - psutil.boot_time()) < 5 else None
