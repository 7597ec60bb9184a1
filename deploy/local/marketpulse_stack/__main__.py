"""The command line of the stack; `make help` lists the same commands."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

from marketpulse_stack.commands import CancelledError
from marketpulse_stack.console import complain
from marketpulse_stack.errors import StackError
from marketpulse_stack.settings import Settings, load_settings


def main(argv: Sequence[str]) -> int:
    """Runs one command; returns its exit code."""
    arguments = _parse(argv)
    for number in (signal.SIGINT, signal.SIGTERM):  # The first may be ignored by whoever started us.
        signal.signal(number, _interrupt)
    try:
        return _run(load_settings(os.environ), arguments)
    except StackError as error:
        complain(f"\n{error}")
        return 1
    except (KeyboardInterrupt, CancelledError):
        complain("\nInterrupted.")
        if arguments.command != "test":  # Tests end what they have started.
            complain("What has started still runs: `make up` continues, `make down` stops it.")
        return 130


def _interrupt(signal_number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="marketpulse_stack", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="install, start, wait for the first bars")
    up.add_argument("--only", default="", help="comma separated services, instead of the whole stack")
    commands.add_parser("install", help="install everything, start nothing")
    commands.add_parser("down", help="stop everything")
    commands.add_parser("status", help="one table of all services")
    commands.add_parser("alerts", help="what fires")
    logs = commands.add_parser("logs", help="follow logs")
    logs.add_argument("service", nargs="?", default="", help="one service; default: all")
    commands.add_parser("clean", help="stop everything and remove the state")
    psql = commands.add_parser("psql", help="psql into the warehouse")
    psql.add_argument("statement", nargs="?", default="", help="print its bare rows; default: interactive")
    run = commands.add_parser("run", help="run a command beside the services, with their variables")
    run.add_argument("--needs-stack", action="store_true", help="fail unless the stack is up")
    run.add_argument("environment", choices=("airflow", "spark", "stack"))
    run.add_argument("program", nargs=argparse.REMAINDER)
    test = commands.add_parser("test", help="run the tests")
    parts = ("all", "lint", "format", "dashboards", "unit", "integration", "e2e")
    test.add_argument("part", nargs="?", default="all", choices=parts)
    return parser.parse_args(argv)


def _run(settings: Settings, arguments: argparse.Namespace) -> int:
    # Each command imports what it needs only now: none has to wait for the imports of the others.
    match arguments.command:
        case "up":
            from marketpulse_stack.up import up

            up(settings, only=[name for name in arguments.only.split(",") if name])
        case "install":
            from marketpulse_stack.up import install_everything

            install_everything(settings)
        case "down":
            from marketpulse_stack.down import down

            down(settings)
        case "clean":
            from marketpulse_stack.down import clean

            clean(settings)
        case "status":
            from marketpulse_stack.status import status

            return 0 if status(settings) else 1
        case "alerts":
            from marketpulse_stack.alertmanager import show_alerts

            return show_alerts(settings)
        case "logs":
            from marketpulse_stack.logs import follow

            follow(settings, arguments.service)
        case "psql":
            from marketpulse_stack.inside import psql

            return psql(settings, arguments.statement)
        case "run":
            from marketpulse_stack.inside import run_inside

            needs_stack = arguments.needs_stack
            return run_inside(settings, arguments.environment, arguments.program, needs_stack=needs_stack)
        case "test":
            from marketpulse_stack.testing import run_tests

            return run_tests(settings, arguments.part)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
