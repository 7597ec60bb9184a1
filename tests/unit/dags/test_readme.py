"""The README keeps step with the code: its DAG table, its commands, its links."""

from __future__ import annotations

import re
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
README = (REPOSITORY / "README.md").read_text()


def _section(title: str) -> str:
    return README.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_the_dag_table_has_every_dag_and_no_other() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", _section("DAGs"), re.MULTILINE)

    assert sorted(rows) == sorted(path.stem for path in (REPOSITORY / "dags").glob("*.py"))


def test_every_command_is_a_target_of_make() -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):.*## ", (REPOSITORY / "Makefile").read_text(), re.MULTILINE))
    commands = re.findall(r"(?:`|^)make (?:-s )?([a-z-]+)", README, re.MULTILINE)

    assert commands
    assert set(commands) <= targets


def test_every_link_leads_to_a_file() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]

    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []
