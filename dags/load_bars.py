"""
## Purpose
Load every bar, split and dividend that Kafka holds into PostgreSQL, exactly once, and compute the indicators of all
bars that change or that a split touches; then check the result.

## Reads and writes
Reads `market.bars.v1`, `market.bars.backfill.v1` and `market.actions.v1` from the offsets in `ops.kafka_offsets`.
Writes `raw.bars`, `raw.actions`, `market.bars_1m`, `market.bar_revisions`, `ops.action_observations`,
`analytics.indicators_1m`, `ops.dead_letters` and the ledger, each range of offsets in one transaction. Announces
`bars_loaded`.

## Schedule and deadline
On `bars_published` or `actions_published`, and every 15 minutes as a sweep for what a lost event left behind. One run
at a time. A run is late after 5 minutes.

## If it fails
`load_bars`: the last lines of its log name the error. A killed or failed run changes nothing that is not recorded in
the ledger; the next run continues from there, so clearing the task is always safe. `check_bars`: its log has one line
for each check with both numbers; the data is loaded, and something about it is wrong.

## Backfill
Not here: a run loads whatever Kafka holds. History comes with `backfill_bars` and `make import-bars`.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task
from marketpulse.assets import ACTIONS_PUBLISHED, BARS_LOADED, BARS_PUBLISHED
from marketpulse.config import project_root
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "load_bars"
CHECKS = ("ops/kafka_offsets/checks.sql", "market/bars_1m/checks.sql")

with DAG(
    dag_id=DAG_ID,
    description="Kafka to PostgreSQL, exactly once, with indicators",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(
        timetable=CronTriggerTimetable("*/15 * * * *", timezone="UTC"), assets=BARS_PUBLISHED | ACTIONS_PUBLISHED
    ),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=45),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=5)),
    tags={Tag.BARS, Tag.ON_NEW_DATA},
):
    load_bars = SparkSubmitOperator(
        task_id="load_bars",
        conn_id="spark_default",
        application=f"{project_root()}/spark_jobs/marketpulse_spark/jobs/load_bars.py",
        application_args=["--run-id", "{{ run_id }}"],
        name=DAG_ID,
        execution_timeout=timedelta(minutes=30),
        outlets=[BARS_LOADED],
    )

    @task(retries=1, execution_timeout=timedelta(seconds=30))
    def check_bars() -> None:
        """Run the data checks; fail with the first lines of those marked fail that do not hold."""
        from marketpulse.checks import run_checks

        run_checks(CHECKS)

    load_bars >> check_bars()
