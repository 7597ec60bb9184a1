"""The commands of the runbooks: SQL runs on the real schema, the others name what is there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from marketpulse_stack.services import all_services
from marketpulse_stack.settings import load_settings

from tests.local_stack import REPOSITORY

RUNBOOKS = sorted((REPOSITORY / "docs" / "runbooks").glob("*.md"))
#: What a runbook may call besides make, with arguments that follow by eye.
PROGRAMS = {"df", "du", "find", "grep", "dmesg", "deploy/local/bootstrap.sh"}


def _commands() -> list[tuple[str, str]]:
    """Each command of a fenced block, with its runbook; a quoted one may go on over lines."""
    blocks = [
        (path.name, block)
        for path in RUNBOOKS
        for block in re.findall(r"^```\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL)
    ]
    return [(name, command) for name, block in blocks for command in _split(block)]


def _split(block: str) -> Iterator[str]:
    command = ""
    for line in block.splitlines():
        command = f"{command}\n{line}" if command else line
        if command.endswith("\\"):
            command = command[:-1]
        elif command.count('"') % 2 == 0 and command.count("'") % 2 == 0:
            yield command
            command = ""
    assert not command, f"a quote is open: {command}"


COMMANDS = _commands()
_SQL = re.compile(r'make -s psql C="([^"]*)"')
STATEMENTS = [(name, match[1]) for name, command in COMMANDS if (match := _SQL.search(command))]


@pytest.fixture(scope="module")
def owner(stack_environment: dict[str, str]) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection of the role that `make psql` has."""
    dsn = stack_environment["MARKETPULSE_WAREHOUSE_DSN"].replace("marketpulse_loader@", "marketpulse_owner@")
    with psycopg.connect(dsn, passfile=stack_environment["PGPASSFILE"]) as connection:
        yield connection


def test_sql_runs_on_the_schema(owner: psycopg.Connection[tuple[Any, ...]]) -> None:
    assert len(STATEMENTS) > 30
    problems = []
    for name, statement in STATEMENTS:
        try:
            # Rolled back: some of them change rows.
            with owner.transaction(force_rollback=True):
                owner.execute(statement.encode())
        except psycopg.Error as error:
            if isinstance(error, psycopg.errors.RaiseException) and "ops.retire_topic" in statement:
                continue  # It is there, its argument fits, and this schema has no such topic to retire.
            problems.append(f"{name}: {statement}: {error}")
    assert problems == []


def test_every_command_is_one_that_there_is() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    unknown = []
    for name, command in COMMANDS:
        for part in command.split("&&"):
            words = shlex.split(part.split("|")[0])
            if words[0] == "make":
                goals = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
                unknown += [(name, goal) for goal in goals if goal not in targets]
            elif words[0] not in PROGRAMS:
                unknown.append((name, words[0]))
    assert unknown == []


def test_services_of_logs_are_services() -> None:
    services = all_services(load_settings({"MARKETPULSE_ENV_FILE": "/dev/null"}))
    named = {match[1] for _, command in COMMANDS if (match := re.search(r"make logs S=(\S+)", command))}
    assert named
    assert named <= services.keys()


def test_links_lead_to_files() -> None:
    broken = [
        (path.name, link)
        for path in RUNBOOKS
        for link in re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text())
        if "://" not in link and not (path.parent / link).exists()
    ]
    assert broken == []
