"""`make status`: every service in one table."""

from __future__ import annotations

import time

import psycopg

from marketpulse_stack import postgres
from marketpulse_stack.console import say
from marketpulse_stack.health import find_problems, memory, memory_of_tree
from marketpulse_stack.processes import stack_processes
from marketpulse_stack.services import Service, all_services
from marketpulse_stack.settings import Settings
from marketpulse_stack.supervision import ServiceState, Supervisor

MEGABYTE = 1024**2
COLUMNS = "{:<22}{:<10}{:>8}{:>11}{:>10}  {:<19}{}"
NEWEST_BAR = (
    "SELECT symbol, to_char(ts, 'YYYY-MM-DD HH24:MI'), round(extract(epoch FROM now() - ts))::int"
    " FROM market.bars_1m ORDER BY ts DESC LIMIT 1"
)


def status(settings: Settings) -> bool:
    """Prints the table; returns whether every service is ready."""
    states = Supervisor(settings).states()
    if not states:
        say("MarketPulse is not running. `make up` starts it.")
        return False
    services = all_services(settings)
    problems = find_problems(services, states)
    say(COLUMNS.format("SERVICE", "STATE", "PID", "UPTIME", "MEMORY", "PORT", "READY"))
    for name, service in services.items():
        say(_row(service, states[name], problems[name]))
    total = sum(memory(process) for process in stack_processes(settings))
    say(f"\nMemory of all processes: {total / MEGABYTE / 1024:.1f} GB")
    say(_newest_bar(settings))
    return not any(problems.values())


def _row(service: Service, state: ServiceState, problem: str) -> str:
    ports = ",".join(str(port) for _, port, _ in service.listens)
    if not state.running:
        return COLUMNS.format(service.name, state.state.lower(), "", "", "", ports, problem)
    megabytes = f"{memory_of_tree(state.pid) / MEGABYTE:.0f} MB"
    uptime = _duration(time.time() - state.started)
    return COLUMNS.format(service.name, state.state.lower(), state.pid, uptime, megabytes, ports, problem or "yes")


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def _newest_bar(settings: Settings) -> str:
    try:
        with psycopg.connect(postgres.superuser_dsn(settings, "marketpulse"), connect_timeout=3) as connection:
            row = connection.execute(NEWEST_BAR).fetchone()
    except psycopg.Error as error:
        return f"Newest bar: unknown ({str(error).strip()})"
    if row is None:
        return "Newest bar: none yet"
    return f"Newest bar: {row[0]} {row[1]} UTC, started {_duration(float(row[2]))} ago"
