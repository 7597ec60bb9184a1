from __future__ import annotations

import re
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, AssetOrTimeSchedule, CronDataIntervalTimetable, CronTriggerTimetable
from marketpulse import actions, bars, news
from marketpulse.assets import ACTIONS_PUBLISHED, BARS_LOADED, BARS_PUBLISHED, NEWS_PUBLISHED, OF_TOPIC, REDRIVEN
from marketpulse.defaults import DEFAULT_ARGS, OWNER
from marketpulse.tags import Tag

REPOSITORY = Path(__file__).parents[3]
EDGES: dict[str, set[tuple[str, str]]] = {
    "backfill_bars": set(),
    "build_daily_analytics": {
        ("wait_for_last_bars", "sync_portfolios"),
        ("sync_portfolios", "build_daily"),
        ("build_daily", "check_daily"),
    },
    "check_completeness": {("measure_coverage", "request_missing")},
    "check_quotes": set(),
    "detect_anomalies": {("find_changed", "detect_anomalies")},
    "ingest_actions": {("publish_actions", "report_failures")},
    "ingest_bars": {("publish_bars", "report_failures")},
    "ingest_news": {("publish_news", "report_failures")},
    "load_bars": {("load_bars", "check_bars")},
    "load_news": {("load_news", "check_news")},
    "reconcile_vendors": set(),
    "redrive_dead_letters": set(),
}
HEADINGS = ["Purpose", "Reads and writes", "Schedule and deadline", "If it fails", "Backfill", "Owner"]


@pytest.fixture(scope="module")
def dags() -> dict[str, DAG]:
    bag = DagBag(dag_folder=REPOSITORY / "dags", bundle_path=REPOSITORY / "dags", bundle_name="dags-folder")
    assert bag.import_errors == {}
    return dict(bag.dags)


def test_the_exact_set_of_dags(dags: dict[str, DAG]) -> None:
    assert dags.keys() == EDGES.keys()
    assert dags.keys() == {path.stem for path in (REPOSITORY / "dags").glob("*.py")}


@pytest.mark.parametrize("dag_id", EDGES)
def test_the_edges(dags: dict[str, DAG], dag_id: str) -> None:
    found = {(task.task_id, after) for task in dags[dag_id].tasks for after in task.downstream_task_ids}

    assert found == EDGES[dag_id]


@pytest.mark.parametrize("dag_id", EDGES)
def test_the_house_rules(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]

    assert re.findall(r"^## (.+)$", dag.doc_md or "", re.MULTILINE) == HEADINGS
    assert (dag.doc_md or "").strip().endswith(OWNER)
    assert dag.tags <= set(Tag)
    assert dag.tags
    assert dag.catchup is False
    assert dag.max_active_runs
    assert dag.dagrun_timeout
    assert dag.description
    assert dag.default_args == DEFAULT_ARGS
    for task in dag.tasks:
        assert task.task_id == "report_failures" or task.execution_timeout
        assert task.owner == OWNER
    assert len(Path(str(dag.fileloc)).read_text().splitlines()) <= 120


@pytest.mark.parametrize("dag_id", EDGES)
def test_every_dag_tells_of_runs_that_are_late(dags: dict[str, DAG], dag_id: str) -> None:
    dag: Any = dags[dag_id]
    (alert,) = dag.deadline

    assert alert.callback.path == "marketpulse.deadlines.report_missed_deadline"
    assert alert.callback.kwargs == {"dag_id": dag_id, "seconds": int(alert.interval.total_seconds())}
    assert alert.interval <= dag.dagrun_timeout


def test_schedules(dags: dict[str, DAG]) -> None:
    ingest, load = dags["ingest_bars"], dags["load_bars"]
    sweep = CronTriggerTimetable("*/15 * * * *", timezone="UTC")

    assert ingest.schedule == CronTriggerTimetable("* * * * *", timezone="UTC")
    assert load.schedule == AssetOrTimeSchedule(assets=BARS_PUBLISHED | ACTIONS_PUBLISHED, timetable=sweep)
    hourly = CronTriggerTimetable("22 * * * *", timezone="UTC")
    assert dags["load_news"].schedule == AssetOrTimeSchedule(assets=NEWS_PUBLISHED, timetable=hourly)
    daily = CronTriggerTimetable("15 0 * * *", timezone="America/New_York")
    assert dags["ingest_actions"].schedule == daily
    assert dags["ingest_news"].schedule == dags["detect_anomalies"].schedule == sweep
    assert dags["check_completeness"].schedule == CronTriggerTimetable("7 * * * *", timezone="UTC")
    assert dags["check_quotes"].schedule == CronTriggerTimetable("5,20,35,50 * * * *", timezone="UTC")
    assert dags["reconcile_vendors"].schedule == CronTriggerTimetable("37 * * * *", timezone="UTC")
    assert dags["redrive_dead_letters"].schedule == CronTriggerTimetable("52 * * * *", timezone="UTC")
    assert dags["backfill_bars"].schedule == CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
    assert dags["build_daily_analytics"].schedule == CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
    assert (ingest.max_active_runs, load.max_active_runs, dags["load_news"].max_active_runs) == (2, 1, 1)


def test_assets_are_announced_by_the_tasks_that_make_them(dags: dict[str, DAG]) -> None:
    outlets = {task.task_id: task.outlets for dag in dags.values() for task in dag.tasks if task.outlets}

    assert outlets == {
        "publish_actions": [ACTIONS_PUBLISHED],
        "publish_bars": [BARS_PUBLISHED],
        "publish_news": [NEWS_PUBLISHED],
        "publish_requested": [REDRIVEN],
        "publish_session": [BARS_PUBLISHED],
        "request_missing": [BARS_PUBLISHED],
        "load_bars": [BARS_LOADED],
    }
    assert OF_TOPIC.keys() == {bars.LIVE_TOPIC, bars.BACKFILL_TOPIC, actions.ACTIONS_TOPIC, news.NEWS_TOPIC}


def test_an_ingest_task_ends_within_its_minute(dags: dict[str, DAG]) -> None:
    publish = dags["ingest_bars"].get_task("publish_bars")

    assert publish.execution_timeout is not None
    assert publish.execution_timeout < timedelta(minutes=1)
    assert DEFAULT_ARGS["retry_delay"] < timedelta(seconds=10)


@pytest.mark.parametrize(
    ("dag_id", "task_id"),
    [
        ("ingest_bars", "publish_bars"),
        ("ingest_actions", "publish_actions"),
        ("ingest_news", "publish_news"),
        ("check_completeness", "request_missing"),
    ],
)
def test_one_mapped_task_for_each_enabled_source(dags: dict[str, DAG], dag_id: str, task_id: str) -> None:
    task: Any = dags[dag_id].get_task(task_id)

    assert task.op_kwargs_expand_input.value == {"source": ["alpha_vantage"]}


@pytest.mark.parametrize(
    ("dag_id", "task_id", "arguments"),
    [
        ("ingest_bars", "publish_bars", {"source": "alpha_vantage"}),
        ("ingest_bars", "report_failures", {"failures": {}}),
        ("ingest_actions", "publish_actions", {"source": "alpha_vantage"}),
        ("ingest_actions", "report_failures", {"failures": {}}),
        ("ingest_news", "publish_news", {"source": "alpha_vantage"}),
        ("ingest_news", "report_failures", {"failures": {}}),
        ("check_completeness", "request_missing", {"source": "alpha_vantage"}),
        ("check_quotes", "compare_quotes", {"source": "finnhub"}),
    ],
)
def test_mapped_tasks_can_be_unmapped(
    dags: dict[str, DAG], dag_id: str, task_id: str, arguments: dict[str, Any]
) -> None:
    """What a worker does first; a wrong signature shows here and not when the file is parsed."""
    task: Any = dags[dag_id].get_task(task_id)

    assert task.unmap({"op_kwargs": arguments}).task_id == task_id


def test_parsing_loads_nothing_heavy() -> None:
    """The dag-processor parses every file again and again, and each task its own once."""
    heavy = ["pandas", "exchange_calendars", "confluent_kafka", "psycopg", "pyspark", "orjson"]
    script = (
        "import sys, airflow.sdk.execution_time.task_runner\n"
        "from airflow.providers.apache.spark.operators import spark_submit\n"
        "before = set(sys.modules)\n"
        "import runpy\n"
        "for path in sys.argv[1:]: runpy.run_path(path)\n"
        f"print(sorted(set({heavy}) & (set(sys.modules) - before)))\n"
    )
    files = [str(path) for path in sorted((REPOSITORY / "dags").glob("*.py"))]

    finished = subprocess.run(
        [sys.executable, "-c", script, *files],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        cwd=REPOSITORY / "plugins",
    )

    assert finished.stdout.strip() == "[]"
