"""The how-to is true: what it shows, and nothing else, is an indicator."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]
HOWTO = REPOSITORY / "docs/howto/add-an-indicator.md"
MODULE, MIGRATION, FORMULA = (
    "spark_jobs/marketpulse_spark/transforms/indicators/efficiency_ratio.py",
    "sql/migrations/0999_efficiency_ratio.sql",
    "tests/unit/spark_jobs/formulas.py",
)
NAMES = "test_every_indicator_has_its_formula_and_every_column_one_module"


def sections() -> dict[str, str]:
    """File to the code that the how-to gives it."""
    parts = re.split(r"^## `(.+)`$", HOWTO.read_text(encoding="utf-8"), flags=re.M)
    return {
        file: re.findall(r"^```\w+\n(.*?)^```$", text, flags=re.M | re.S)[0]
        for file, text in zip(parts[1::2], parts[2::2], strict=True)
    }


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of what tests of transforms need, with the how-to's module and nothing else changed."""
    for folder in ("spark_jobs", "tests/unit/spark_jobs"):
        shutil.copytree(REPOSITORY / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    (tmp_path / MODULE).write_text(sections()[MODULE], encoding="utf-8")
    return tmp_path


def run_tests(checkout: Path, *names: str) -> tuple[int, str]:
    """Runs tests of the indicators; returns the exit code and what was printed."""
    finished = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "tests/unit/spark_jobs/test_indicators.py", "-k", " or ".join(names)],
        cwd=checkout,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return finished.returncode, finished.stdout


def test_an_indicator_takes_one_transform_one_migration_and_one_test_in_less_than_a_hundred_lines() -> None:
    assert list(sections()) == [MODULE, MIGRATION, FORMULA]
    assert len(HOWTO.read_text(encoding="utf-8").splitlines()) < 100


def test_without_its_formula_the_module_fails_the_tests(checkout: Path) -> None:
    code, printed = run_tests(checkout, NAMES)
    assert code == 1
    assert "efficiency_ratio_10" in printed


def test_with_its_formula_every_test_of_indicators_passes(checkout: Path) -> None:
    with (checkout / FORMULA).open("a", encoding="utf-8") as formulas:
        formulas.write("\n\n" + sections()[FORMULA])
    code, printed = run_tests(checkout, NAMES, "every_bit", "no_step", "before_enough_bars", "one_new_bar")
    assert code == 0, printed
    assert "5 passed" in printed
