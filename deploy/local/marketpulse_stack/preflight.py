"""What is checked before anything starts: ports and disk."""

from __future__ import annotations

import contextlib
import shutil
import socket
from collections.abc import Iterable
from pathlib import Path

import psutil

from marketpulse_stack.errors import NotEnoughDiskError, PortInUseError

GIGABYTE = 1024**3
INSTALL_GIGABYTES = 3
RUN_GIGABYTES = 1


def check_ports(wanted: Iterable[tuple[str, int, str]]) -> None:
    """Checks that ports on 127.0.0.1 are free.

    Args:
        wanted: (variable, port, "tcp" or "udp") of each.

    Raises:
        PortInUseError: One or more are taken; names each, by whom if visible, and the variable to set.
    """
    taken = [(variable, port, kind) for variable, port, kind in wanted if not _is_free(port, kind)]
    if taken:
        what = "; ".join(f"port {port} is in use by {_user_of(port, kind)}" for _, port, kind in taken)
        variables = " and ".join(variable for variable, _, _ in taken)
        raise PortInUseError(
            f"{what[0].upper()}{what[1:]}.", fix=f"Set {variables} to a free port in .env, or end that process."
        )


def _is_free(port: int, kind: str) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) as probe:
        if kind == "tcp":
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # As the services do: TIME_WAIT is no hindrance.
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _user_of(port: int, kind: str) -> str:
    with contextlib.suppress(psutil.Error):  # Only root sees the processes of others.
        users = [
            connection
            for connection in psutil.net_connections(kind)
            if connection.laddr and connection.laddr.port == port and connection.pid
        ]
        # An outgoing connection may hold the port as well; a listener explains more.
        users.sort(key=lambda connection: bool(connection.status != psutil.CONN_LISTEN))
        if users:
            return f"{psutil.Process(users[0].pid).name()} (process {users[0].pid})"
    return "another process"


def check_disk(folders: Iterable[Path], *, gigabytes: float) -> None:
    """Checks the free space where the folders are or will be.

    Raises:
        NotEnoughDiskError: There is less than `gigabytes`.
    """
    for folder in folders:
        existing = next(path for path in (folder, *folder.parents) if path.exists())
        free = shutil.disk_usage(existing).free
        if free < gigabytes * GIGABYTE:
            raise NotEnoughDiskError(
                f"Only {free / GIGABYTE:.1f} GB are free at {folder}; {gigabytes:g} GB are needed.",
                fix="Free some space, or set MARKETPULSE_HOME (state) or MARKETPULSE_TOOLS (software) to another disk.",
            )
