from __future__ import annotations

from pathlib import Path

import pytest
from marketpulse.checks import parse_checks

SQL = Path(__file__).parents[3] / "sql"


def test_checks_are_parsed_with_their_severity() -> None:
    text = "-- About.\n-- check: a_holds (fail)\nSELECT 1, 1;\n-- check: b_holds (warn)\nSELECT 0, count(*) FROM t;\n"

    first, second = parse_checks(text)

    assert (first.name, first.fails, first.statement.strip()) == ("a_holds", True, b"SELECT 1, 1;")
    assert (second.name, second.fails) == ("b_holds", False)


@pytest.mark.parametrize("text", ["", "SELECT 1, 1;", "SELECT 2;\n-- check: a (fail)\nSELECT 1, 1;"])
def test_a_file_without_checks_or_with_sql_above_them_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="starts with a line like"):
        parse_checks(text)


@pytest.mark.parametrize("path", sorted(SQL.rglob("checks.sql")), ids=lambda path: str(path.relative_to(SQL)))
def test_the_checks_of_the_repository_parse_and_have_names_of_their_own(path: Path) -> None:
    text = path.read_text()
    names = [check.name for check in parse_checks(text)]

    assert len(names) == len(set(names)) == text.count("-- check:") > 0
