"""Supervisord: its configuration, its start, and talking to it over its unix socket."""

from __future__ import annotations

import hashlib
import os
import shlex
import tempfile
import time
import xmlrpc.client
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from supervisor.xmlrpc import Faults, SupervisorTransport

from marketpulse_stack import credentials
from marketpulse_stack.commands import last_lines
from marketpulse_stack.environment import base_variables
from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.processes import record_supervisor, supervisor_process
from marketpulse_stack.services import Service
from marketpulse_stack.settings import Settings

# A unix socket's path may have 107 bytes, and supervisord binds a longer, temporary name first.
LONGEST_SOCKET_PATH = 85
START_SECONDS = 15.0


@dataclass(frozen=True)
class ServiceState:
    """What supervisord knows of one service; `started` is seconds since the epoch, 0 if it never was."""

    name: str
    state: str
    pid: int
    started: int
    description: str

    @property
    def running(self) -> bool:
        """Whether its process is there (it may still be getting ready)."""
        return self.state in ("RUNNING", "STARTING")


def socket_path(settings: Settings) -> Path:
    """Where supervisord listens: in the state folder, or in a short folder of the user's when that is too long."""
    path = settings.run / "supervisor.sock"
    if len(os.fsencode(path)) <= LONGEST_SOCKET_PATH:
        return path
    digest = hashlib.sha256(os.fsencode(settings.home)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"marketpulse-{os.getuid()}-{digest}" / "supervisor.sock"


def write_configuration(settings: Settings, services: Iterable[Service]) -> Path:
    """Renders supervisord's configuration."""
    sections = [
        f"[unix_http_server]\nfile={socket_path(settings)}\nchmod=0700",
        f"[supervisord]\nlogfile={settings.logs / 'supervisor.log'}\nlogfile_maxbytes=5MB\nlogfile_backups=2\n"
        f"pidfile={settings.run / 'supervisor.pid'}\nchildlogdir={settings.logs}\nnodaemon=true\nsilent=true\n"
        "minfds=1024",
        "[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface",
        *(_program(settings, service) for service in services),
    ]
    path = settings.run / "supervisor.conf"
    credentials.write_private(path, "\n\n".join(sections) + "\n")
    return path


def _program(settings: Settings, service: Service) -> str:
    launcher = [str(settings.root / "deploy" / "local" / "run-with-env.sh"), *map(str, service.env_files), "--"]
    lines = {
        "command": shlex.join([*launcher, *service.command]),
        "directory": service.directory,
        "autostart": "false",
        "autorestart": "true",
        "startsecs": "2",
        # Patient: what fails for minutes (a full disk, say) shall come back by itself. `make up` gives up sooner.
        "startretries": "1000",
        "stopsignal": service.stop_signal,
        "stopwaitsecs": f"{service.stop_seconds}",
        "stopasgroup": "true" if service.stop_as_group else "false",
        "killasgroup": "true",
        "redirect_stderr": "true",
        "stdout_logfile": settings.logs / f"{service.name}.log",
        "stdout_logfile_maxbytes": "20MB",
        "stdout_logfile_backups": "3",
    }
    values = "\n".join(f"{key}={str(value).replace('%', '%%')}" for key, value in lines.items())
    return f"[program:{service.name}]\n{values}"


def ensure_supervisor(settings: Settings, services: Iterable[Service]) -> bool:
    """Starts supervisord unless it runs; returns whether it was started.

    Raises:
        ServiceFailedError: It does not answer.
    """
    if supervisor_process(settings) is not None:
        return False
    socket = socket_path(settings)
    socket.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if socket.parent.stat().st_uid != os.getuid():
        raise ServiceFailedError(
            f"{socket.parent} belongs to another user.", fix="Set MARKETPULSE_HOME to a shorter path."
        )
    socket.unlink(missing_ok=True)
    configuration = write_configuration(settings, services)
    environment = {**base_variables(settings), "PYTHONPATH": str(settings.root / "deploy" / "local")}
    output_file = settings.logs / "supervisor-output.log"
    pid = _spawn_session(
        [str(settings.python("stack")), "-m", "marketpulse_stack.supervise", "-c", str(configuration)],
        environment,
        output_file,
    )
    record_supervisor(settings, pid)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and os.waitpid(pid, os.WNOHANG) == (0, 0):
        if Supervisor(settings).answers():
            return True
        time.sleep(0.05)
    raise ServiceFailedError(
        f"supervisord does not answer (log: {output_file}).",
        fix="Read the lines above; `make down && make up` starts afresh.",
        details=last_lines(output_file),
    )


def _spawn_session(command: list[str], environment: dict[str, str], output: Path) -> int:
    """Starts a process that leads a session of its own and is meant to outlive us; returns its id."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.fspath(output), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    return os.posix_spawn(command[0], command, environment, file_actions=actions, setsid=True)


class Supervisor:
    """A connection to the supervisord of one stack; every call opens its own, so threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._url = f"unix://{socket_path(settings)}"

    def _call(self, method: str, *arguments: Any) -> Any:
        transport = SupervisorTransport("", "", self._url)
        with xmlrpc.client.ServerProxy("http://127.0.0.1", transport=cast(Any, transport)) as proxy:
            return getattr(proxy.supervisor, method)(*arguments)

    def answers(self) -> bool:
        """Whether supervisord is there."""
        try:
            self._call("getState")
        except (OSError, xmlrpc.client.Error):
            return False
        return True

    def state(self, name: str) -> ServiceState:
        """One service."""
        return _state(self._call("getProcessInfo", name))

    def states(self) -> dict[str, ServiceState]:
        """All services, by name; empty when supervisord does not run."""
        try:
            return {info["name"]: _state(info) for info in self._call("getAllProcessInfo")}
        except OSError:
            return {}

    def start(self, name: str) -> None:
        """Starts a service without waiting for it; starting a running one changes nothing."""
        try:
            self._call("startProcess", name, False)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.ALREADY_STARTED:
                raise ServiceFailedError(
                    f"{name} cannot be started: {fault.faultString}.", fix="`make down && make up`."
                ) from fault

    def stop(self, name: str, *, wait: bool) -> None:
        """Stops a service; stopping a stopped one changes nothing."""
        try:
            self._call("stopProcess", name, wait)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode != Faults.NOT_RUNNING:
                raise

    def shut_down(self) -> None:
        """Asks supervisord to stop everything and end."""
        self._call("shutdown")


def _state(info: dict[str, Any]) -> ServiceState:
    return ServiceState(info["name"], info["statename"], info["pid"], info["start"], info["description"])
