"""Commands that run beside the services: psql, imports, benchmarks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence

from marketpulse_stack import postgres
from marketpulse_stack.environment import full_environment, stack_variables
from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.settings import Settings
from marketpulse_stack.supervision import Supervisor

CODE_FOLDERS = {"airflow": "plugins", "spark": "spark_jobs", "stack": "deploy/local"}
NOT_RUNNING = "MarketPulse is not running."


def psql(settings: Settings, statement: str) -> int:
    """Psql into the warehouse as its owner: interactive, or with the bare rows of one statement.

    Raises:
        ServiceFailedError: The stack is not up.
    """
    if not Supervisor(settings).answers():
        raise ServiceFailedError(NOT_RUNNING, fix="`make up`")
    arguments = ["-X", "-v", "ON_ERROR_STOP=1", "-Atq", "-c", statement] if statement else []
    command = [postgres.binary("psql"), "-U", "marketpulse_owner", "-d", "marketpulse", *arguments]
    return subprocess.run(command, env={**os.environ, **postgres.client_environment(settings)}, check=False).returncode


def run_inside(settings: Settings, environment: str, command: Sequence[str], *, needs_stack: bool) -> int:
    """Runs a command in one of the environments, with the services' variables, in the foreground.

    Args:
        settings: The stack.
        environment: `airflow`, `spark` or `stack`.
        command: Program and arguments; `python` is the environment's.
        needs_stack: Whether the stack has to be up; otherwise the command boots what it needs.

    Raises:
        ServiceFailedError: The stack has to be up and is not.
    """
    if needs_stack and not Supervisor(settings).answers():
        raise ServiceFailedError(NOT_RUNNING, fix="`make up`")
    # A command that boots stacks of its own must not take the user's settings and keys for them.
    alone = {**stack_variables(settings), "MARKETPULSE_ENV_FILE": os.devnull}
    own = full_environment(settings) if needs_stack else alone
    variables = {**os.environ, **own, "PYTHONPATH": str(settings.root / CODE_FOLDERS[environment])}
    variables["PATH"] = f"{settings.python(environment).parent}:{variables['PATH']}"
    return subprocess.run(list(command), env=variables, check=False).returncode
