"""
## Purpose
Find what is unusual about bars: bad ticks, gaps, stale prices, volume bursts, halts; and show beside them the holes and
the disagreeing vendors that other DAGs have found.

## Reads and writes
`merge_reported` reads `ops.gaps`, `ops.untraded_minutes` and `market.bar_disagreements`. `detect_anomalies` reads the
sessions of which `raw.bars` or `raw.actions` has new messages, those in whose window they are, and the 20 sessions
before each; `find_changed` brings `market.sessions` up to date for it. Both write `analytics.anomalies`;
`reports.anomalies` shows it. What has been looked at is in `ops.detected_offsets`, which code looked in
`ops.detections`. Counter `marketpulse.anomalies_found` by kind.

## Schedule and deadline
Every 15 minutes; without new bars no Spark is started. A run is late after 10 minutes.

## If it fails
The last lines of the task's log name the error. What was looked at is remembered last, and rows that are as they should
be are left alone: clearing the task is always safe.

## Backfill
Not needed for bars: late, corrected and backfilled ones are looked at when they are loaded. To look at a session once
more, as after a change of `config/instruments.yml` or of the code, trigger this with `session`.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG, CronTriggerTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from marketpulse.config import project_root
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "detect_anomalies"

with DAG(
    dag_id=DAG_ID,
    description="What is unusual about bars, and until when",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=60),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=10)),
    tags={Tag.BARS, Tag.EVERY_QUARTER_HOUR},
    params={
        "session": Param(
            None,
            type=["null", "string"],
            format="date",
            description="Look at this session of every instrument; none: at what was loaded since the last run.",
        )
    },
):

    @task(execution_timeout=timedelta(minutes=3))
    def merge_reported() -> dict[str, int]:
        """Take over what other parts have decided; returns how many anomalies are new, by kind."""
        from marketpulse import anomalies

        return anomalies.merge_reported()

    @task(execution_timeout=timedelta(minutes=3))
    def find_changed() -> int | None:
        """Bring `market.sessions` up to date and count the sessions to look at; skips the run if there are none."""
        from marketpulse import anomalies

        if get_current_context()["params"]["session"]:
            return None
        sessions = anomalies.find_changed(datetime.now(UTC))
        if not sessions:
            raise AirflowSkipException("no bar and no split was loaded since the last run")
        return sessions

    detect_anomalies = SparkSubmitOperator(
        task_id="detect_anomalies",
        conn_id="spark_default",
        application=f"{project_root()}/spark_jobs/marketpulse_spark/jobs/detect_anomalies.py",
        application_args=["--run-id", "{{ run_id }}", "--session={{ params.session or '' }}"],
        name=DAG_ID,
        execution_timeout=timedelta(minutes=45),
    )

    merge_reported()
    find_changed() >> detect_anomalies
