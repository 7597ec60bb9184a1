"""Transforms are pure, and modules say what they may import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[3] / "spark_jobs/marketpulse_spark"
TRANSFORMS = sorted((PACKAGE / "transforms").rglob("*.py"))
#: Methods that start a job, reach storage or the session.
ACTIONS = {
    "cache", "checkpoint", "collect", "first", "foreach", "foreachPartition", "head", "isEmpty",
    "localCheckpoint", "persist", "rdd", "show", "sparkSession", "tail", "take", "toArrow", "toLocalIterator",
    "toPandas", "write", "writeStream", "writeTo",
}  # fmt: skip
CLOCKS = {"current_date", "current_timestamp", "localtimestamp", "now", "rand", "randn", "unix_timestamp", "uuid"}
ALLOWED = {
    "__future__", "collections", "functools", "importlib", "itertools", "marketpulse_spark", "operator", "pkgutil",
    "pyspark", "typing",
}  # fmt: skip


def test_there_are_transforms_to_look_at() -> None:
    assert len(TRANSFORMS) >= 12


@pytest.mark.parametrize("path", TRANSFORMS, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_transform_does_no_action_and_reads_no_clock(path: Path) -> None:
    tree = ast.parse(path.read_text())
    used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    assert used & (ACTIONS | CLOCKS) == set()
    modules = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert modules <= ALLOWED
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "SparkSession" not in names


def loaded_by(module: str) -> set[str]:
    """Top-level packages that importing a module brings along."""
    code = f"import sys, {module}; print(*{{name.split('.')[0] for name in sys.modules}})"
    finished = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": str(PACKAGE.parent)},
    )
    return set(finished.stdout.split())


@pytest.mark.parametrize("job", ["build_daily", "detect_anomalies", "load_bars", "load_news"])
def test_arguments_are_read_before_anything_heavy_is_imported(job: str) -> None:
    """The JVM starts while Python imports the rest; a wrong argument is said at once."""
    heavy = {
        "pyspark", "pyarrow", "pandas", "numpy", "scipy", "psycopg", "confluent_kafka", "adbc_driver_postgresql",
        "vaderSentiment",
    }  # fmt: skip
    assert loaded_by(f"marketpulse_spark.jobs.{job}") & heavy == set()


@pytest.mark.parametrize("loader", ["load", "news"])
def test_the_loaders_bring_nothing_of_airflow(loader: str) -> None:
    assert loaded_by(f"marketpulse_spark.{loader}") & {"airflow", "marketpulse"} == set()
