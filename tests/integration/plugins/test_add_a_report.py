"""The how-to is true: what it shows, and nothing else, is a report."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import psycopg
import yaml
from marketpulse.reports.answers import ask, check_columns
from marketpulse.reports.catalogue import load_catalogue

from tests.integration.plugins.known_reports import VALUES, readable
from tests.local_stack import REPOSITORY

HOWTO = REPOSITORY / "docs/howto/add-a-report.md"
QUESTION, DASHBOARD, ANSWERS = (
    "reports/questions/symbol_range.sql",
    "reports/dashboards/symbol.yml",
    "tests/integration/plugins/reports/answers.yml",
)


def test_what_the_how_to_shows_is_a_report(tmp_path: Path, known: psycopg.Connection) -> None:
    parts = re.split(r"^## `([^`]+)`\n.*?^```\w+\n(.*?)^```$", HOWTO.read_text(), flags=re.M | re.S)
    files = dict(zip(parts[1::3], parts[2::3], strict=True))
    assert list(files) == [QUESTION, DASHBOARD, ANSWERS]
    shutil.copytree(REPOSITORY / "reports", tmp_path / "reports")
    (tmp_path / QUESTION).write_text(files[QUESTION])
    text = (tmp_path / DASHBOARD).read_text()
    (tmp_path / DASHBOARD).write_text(
        text.replace("  - title: Indicators\n", files[DASHBOARD] + "  - title: Indicators\n")
    )

    catalogue = load_catalogue(tmp_path)
    question = catalogue.questions["symbol_range"]
    check_columns(known, question, VALUES)
    rows = [list(map(readable, row)) for row in ask(known, question, VALUES).rows]

    assert catalogue.dashboards["symbol"].tabs[0].cards[-1].question == "symbol_range"
    assert rows == yaml.safe_load(files[ANSWERS])["symbol_range"]["rows"]
