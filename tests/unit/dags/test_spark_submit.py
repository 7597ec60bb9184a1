"""The commands that DAGs run, rendered as Airflow does, and read by the jobs' own parsers."""

from __future__ import annotations

import datetime as dt
import importlib.util
import os
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk.exceptions import AirflowException

REPOSITORY = Path(__file__).parents[3]
JOBS = REPOSITORY / "spark_jobs" / "marketpulse_spark" / "jobs"
RUN_ID = "asset_triggered__2026-05-15T20:00:02.123456+00:00_abcd"


def operator_of(dag_id: str, task_id: str) -> SparkSubmitOperator:
    bag = DagBag(dag_folder=REPOSITORY / "dags", bundle_path=REPOSITORY / "dags", bundle_name="dags-folder")
    operator = bag.dags[dag_id].get_task(task_id)
    assert isinstance(operator, SparkSubmitOperator)
    return operator


def command_of(operator: SparkSubmitOperator, context: Any) -> Sequence[str]:
    operator.render_template_fields(context, operator.get_template_env())
    rendered: Sequence[str] = operator._get_hook()._build_spark_submit_command(operator.application)
    return rendered


def parsed(job: Path, command: Sequence[str]) -> Any:
    """What the job's own parser makes of the arguments."""
    spec = importlib.util.spec_from_file_location(f"{job.stem}_job", job)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.parse_args(command[command.index(str(job)) + 1 :])


@pytest.fixture(autouse=True)
def stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the stack sets for every process."""
    monkeypatch.setenv("AIRFLOW_CONN_SPARK_DEFAULT", '{"conn_type": "spark", "host": "local[2]"}')
    monkeypatch.setenv("MARKETPULSE_ROOT", str(REPOSITORY))
    monkeypatch.setenv("MARKETPULSE_WAREHOUSE_DSN", "postgresql://loader@127.0.0.1:1/marketpulse")
    monkeypatch.setenv("MARKETPULSE_KAFKA_BOOTSTRAP", "127.0.0.1:1")


@pytest.fixture(params=["load_bars", "load_news"])
def loader(request: pytest.FixtureRequest) -> str:
    """Name of a DAG, of its task and of its job."""
    name: str = request.param
    return name


@pytest.fixture
def operator(loader: str) -> SparkSubmitOperator:
    return operator_of(loader, loader)


@pytest.fixture
def command(operator: SparkSubmitOperator) -> Sequence[str]:
    return command_of(operator, {"run_id": RUN_ID})


def test_the_rendered_command(loader: str, command: Sequence[str]) -> None:
    """Nothing more: the wrapper named spark-submit adds the tuned flags, and any --conf here would undo them."""
    assert list(command) == [
        "spark-submit",
        "--master",
        "local[2]",
        "--name",
        loader,
        str(JOBS / f"{loader}.py"),
        "--run-id",
        RUN_ID,
    ]


def test_the_job_understands_its_arguments(loader: str, command: Sequence[str]) -> None:
    settings = parsed(JOBS / f"{loader}.py", command)
    assert (settings.run_id, f"load_{settings.dataset}") == (RUN_ID, loader)
    assert "pyspark" not in sys.modules


def test_the_daily_build_is_of_the_day_on_which_the_interval_starts() -> None:
    """A run's interval is a UTC day; New York's sessions, and those of a market that never closes, end within it."""
    job = JOBS / "build_daily.py"
    start = dt.datetime(2026, 3, 8, tzinfo=dt.UTC)
    operator = operator_of("build_daily_analytics", "build_daily")

    command = command_of(operator, {"run_id": RUN_ID, "data_interval_start": start})

    assert list(command) == [
        "spark-submit",
        "--master",
        "local[2]",
        "--name",
        "build_daily",
        str(job),
        "--run-id",
        RUN_ID,
        "--session",
        "2026-03-08",
    ]
    settings = parsed(job, command)
    assert (settings.run_id, settings.session) == (RUN_ID, start.date())
    assert "pyspark" not in sys.modules


@pytest.mark.parametrize(("given", "session"), [(None, None), ("2026-03-09", dt.date(2026, 3, 9))])
def test_anomalies_are_looked_for_in_what_changed_or_in_a_session(given: str | None, session: dt.date | None) -> None:
    job = JOBS / "detect_anomalies.py"

    command = command_of(
        operator_of("detect_anomalies", "detect_anomalies"), {"run_id": RUN_ID, "params": {"session": given}}
    )

    assert list(command[-3:]) == ["--run-id", RUN_ID, f"--session={given or ''}"]
    settings = parsed(job, command)
    assert (settings.run_id, settings.session) == (RUN_ID, session)
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
