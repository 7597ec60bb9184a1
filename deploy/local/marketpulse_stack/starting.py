"""Starting one service and waiting until it is ready."""

from __future__ import annotations

import hashlib
import json
import time

from marketpulse_stack import credentials
from marketpulse_stack.commands import CancelledError, cancelled, last_lines
from marketpulse_stack.environment import environment_files
from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.services import Service
from marketpulse_stack.settings import Settings
from marketpulse_stack.supervision import Supervisor

POLL_SECONDS = 0.25
FAILED_STARTS = 3


def start_and_wait(settings: Settings, service: Service) -> str:
    """Starts a service unless it runs, and waits until its probe is content; returns a note.

    Raises:
        ServiceFailedError: It keeps ending, or is not ready in its time; carries the log's last lines.
    """
    supervisor = Supervisor(settings)
    ran_before = supervisor.state(service.name).running
    if not ran_before:
        remember(settings, service)
        supervisor.start(service.name)
    deadline = time.monotonic() + service.ready_seconds
    failed_starts, was_failing, reason = 0, False, "it has not answered yet"
    while time.monotonic() < deadline:
        if cancelled():
            raise CancelledError(service.name)
        state = supervisor.state(service.name)
        failing = not state.running
        failed_starts += failing and not was_failing
        was_failing = failing
        if failed_starts >= FAILED_STARTS:
            reason = f"it ended {FAILED_STARTS} times right after its start"
            break
        reason = service.ready(float(state.started)) if state.running else "it is being restarted"
        if not reason and supervisor.state(service.name).state == "RUNNING":
            return "runs" if ran_before else "ready"
        time.sleep(POLL_SECONDS)
    log = settings.logs / f"{service.name}.log"
    raise ServiceFailedError(
        f"{service.name} is not ready: {reason} (log: {log}).", fix=service.fix, details=last_lines(log)
    )


def remember(settings: Settings, service: Service) -> None:
    """Writes down what a service is started with, to tell later whether that changed."""
    path = settings.run / "started" / service.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(fingerprint(settings, service))


def changed_since_start(settings: Settings, service: Service) -> bool:
    """Whether a running service would be started with other settings now."""
    path = settings.run / "started" / service.name
    return path.exists() and path.read_text() != fingerprint(settings, service)


def fingerprint(settings: Settings, service: Service) -> str:
    """A digest of the settings that a service is started with; the caller's PATH and terminal are none."""
    files = environment_files(settings)
    own_files = [files[path] for path in service.env_files if path in files and path.name != "base.env"]
    lines = [line for text in own_files for line in text.splitlines() if not line.startswith("PATH=")]
    content = json.dumps([service.command, service.listens, lines, sorted(credentials.vendor_keys(settings).items())])
    return hashlib.sha256(content.encode()).hexdigest()
