"""A stack of a test's own: free ports, its own state folder, none of the caller's settings.

Standard library only: the tests of every environment use it.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
TOOLS = REPOSITORY / os.environ.get("MARKETPULSE_TOOLS", ".tools")
PORT_VARIABLES = (
    "POSTGRES_PORT",
    "POSTGRES_EXPORTER_PORT",
    "KAFKA_PORT",
    "KAFKA_CONTROLLER_PORT",
    "KAFKA_EXPORTER_PORT",
    "AIRFLOW_PORT",
    "SIMULATOR_PORT",
    "STATSD_PORT",
    "STATSD_EXPORTER_PORT",
    "PROMETHEUS_PORT",
    "ALERTMANAGER_PORT",
)
COMMAND_SECONDS = 900
_FOREIGN = ("SIM_", "ALERT_", "MARKETPULSE_", "AIRFLOW")
# Of any source of config/sources.yml: COINBASE_ENABLED.
_OF_A_SOURCE = ("_BASE_URL", "_API_KEY", "_POLL", "_SYMBOLS", "_ENABLED")


class StackBroken(Exception):
    """A command of the stack failed, or a service did not come back."""


def free_ports(count: int) -> list[int]:
    """Ports on 127.0.0.1 that nobody listens on."""
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


def stack_variables(home: Path) -> dict[str, str]:
    """The variables that the commands of a stack with its state in `home` are run with."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_FOREIGN) and not name.endswith(_OF_A_SOURCE)
    }
    return {
        **own,
        **dict(zip(PORT_VARIABLES, map(str, free_ports(len(PORT_VARIABLES))), strict=True)),
        "MARKETPULSE_HOME": str(home),
        "MARKETPULSE_TOOLS": str(TOOLS),
        "MARKETPULSE_ENV_FILE": os.devnull,
        "PYTHONPATH": str(REPOSITORY / "deploy" / "local"),
    }


def run_stack(variables: Mapping[str, str], *arguments: str) -> str:
    """Runs a command of the stack (`up`, `down`, …); returns what it printed. Raises StackBroken."""
    return run(variables, str(TOOLS / "venvs/stack/bin/python"), "-m", "marketpulse_stack", *arguments)


def run(variables: Mapping[str, str], *command: str) -> str:
    """Runs a command with these variables; returns what it printed. Raises StackBroken when it fails."""
    finished = execute(variables, *command)
    if finished.returncode != 0:
        raise StackBroken(f"{' '.join(command)} failed:\n{finished.stdout}")
    return finished.stdout


def execute(variables: Mapping[str, str], *command: str, folder: Path = REPOSITORY) -> subprocess.CompletedProcess[str]:
    """Runs a command in a checkout, failed or not; standard output and error come together."""
    return subprocess.run(
        command,
        cwd=folder,
        env=dict(variables),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS,
        check=False,
    )


def service_variables(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables of a running stack with those that its own processes get: addresses, password file, keys."""
    home = Path(variables["MARKETPULSE_HOME"])
    lines = [*(home / "env").read_text().splitlines(), *(home / "secrets/env").read_text().splitlines()]
    return {**variables, **dict(line.split("=", 1) for line in lines)}
