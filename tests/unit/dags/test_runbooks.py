"""The runbooks' calls of Airflow are ones that it understands, of DAGs that there are."""

from __future__ import annotations

import re
from pathlib import Path

from airflow.cli.cli_parser import get_parser

REPOSITORY = Path(__file__).parents[3]


def test_airflow_understands_every_command() -> None:
    text = "\n".join(path.read_text() for path in sorted((REPOSITORY / "docs" / "runbooks").glob("*.md")))
    commands = re.findall(r'make airflow C="([^"]*)"', text)
    dags = {path.stem for path in (REPOSITORY / "dags").glob("*.py")}

    assert len(commands) > 20
    for command in commands:
        arguments = get_parser().parse_args(command.split())  # Exits where it does not understand.
        named = getattr(arguments, "dag_id", None)
        assert named is None or named in dags, command
