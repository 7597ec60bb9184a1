"""The commands that the loaders run, rendered as Airflow does, and read by the jobs' own parsers."""

from __future__ import annotations

import importlib.util
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2
import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk.exceptions import AirflowException

REPOSITORY = Path(__file__).parents[3]
JOBS = REPOSITORY / "spark_jobs" / "marketpulse_spark" / "jobs"
RUN_ID = "asset_triggered__2026-05-15T20:00:02.123456+00:00_abcd"


@pytest.fixture(params=["load_bars", "load_news"])
def dag_id(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def operator(dag_id: str, monkeypatch: pytest.MonkeyPatch) -> SparkSubmitOperator:
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", '{"conn_type": "spark", "host": "local[2]"}')
    monkeypatch.setenv("MARKETPULSE_ROOT", str(REPOSITORY))
    bag = DagBag(dag_folder=REPOSITORY / "dags", bundle_path=REPOSITORY / "dags", bundle_name="dags-folder")
    operator = bag.dags[dag_id].get_task(dag_id)
    assert isinstance(operator, SparkSubmitOperator)
    return operator


@pytest.fixture
def command(operator: SparkSubmitOperator) -> Sequence[str]:
    operator.render_template_fields({"run_id": RUN_ID}, jinja2.Environment(autoescape=False))  # noqa: S701 - no HTML
    rendered: Sequence[str] = operator._get_hook()._build_spark_submit_command(operator.application)
    return rendered


def test_the_rendered_command(dag_id: str, command: Sequence[str]) -> None:
    """Nothing more: the wrapper named spark-submit adds the tuned flags, and any --conf here would undo them."""
    assert list(command) == [
        "spark-submit",
        "--master",
        "local[2]",
        "--name",
        dag_id,
        str(JOBS / f"{dag_id}.py"),
        "--run-id",
        RUN_ID,
    ]


def test_the_job_understands_its_arguments(
    dag_id: str, command: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARKETPULSE_WAREHOUSE_DSN", "postgresql://loader@127.0.0.1:1/marketpulse")
    monkeypatch.setenv("MARKETPULSE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    path = JOBS / f"{dag_id}.py"
    spec = importlib.util.spec_from_file_location(f"{dag_id}_job", path)
    assert spec is not None
    assert spec.loader is not None
    job: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(job)

    settings = job.parse_args(command[command.index(str(path)) + 1 :])

    assert settings.run_id == RUN_ID
    assert f"load_{settings.dataset}" == dag_id
    assert "pyspark" not in sys.modules


def test_a_timeout_ends_the_job(operator: SparkSubmitOperator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow calls on_kill when execution_timeout is over; the wrapper execs, so its process is the job's JVM."""
    program = tmp_path / "spark-submit"
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    operator._hook = operator._get_hook()
    ended: list[BaseException] = []

    def execute() -> None:
        try:
            operator.execute({})
        except AirflowException as error:
            ended.append(error)

    thread = threading.Thread(target=execute)
    thread.start()
    deadline = time.monotonic() + 10
    while operator._hook._submit_sp is None and time.monotonic() < deadline:
        time.sleep(0.01)
    operator.on_kill()
    thread.join(10)
    process: Any = operator._hook._submit_sp
    process.stdout.close()

    assert not thread.is_alive()
    assert "Error code is: -9" in str(ended[0])
