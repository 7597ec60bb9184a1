"""A Spark session for the transforms: one core, UTC, one shuffle partition."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

SPARK_JOBS = Path(__file__).resolve().parents[3] / "spark_jobs"


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    with pytest.MonkeyPatch.context() as patch:
        # What Spark's Python workers are started with: they import the functions of grouped transforms.
        patch.setenv("PYTHONPATH", str(SPARK_JOBS))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = _session()
    yield session
    session.stop()


def _session() -> SparkSession:
    session: SparkSession = (
        SparkSession.builder.master("local[1]")
        .appName("unit tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.adaptive.enabled", "false")
        .getOrCreate()
    )
    return session
