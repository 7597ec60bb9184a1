"""
## Purpose
Load every article that Kafka holds into PostgreSQL, exactly once, tell which articles are the same story, and compute
the sentiment of all hours that a story reaches; then check the result.

## Reads and writes
Reads `market.news.v1` from the offsets in `ops.kafka_offsets`. Writes `raw.news`, `ops.article_observations`,
`market.articles`, `analytics.sentiment_1h`, `ops.dead_letters` and the ledger, each batch in one transaction.
`reports.sentiment_and_returns` shows sentiment beside the return of the hour after it.

## Schedule and deadline
On `news_published`, and every hour as a sweep for what a lost event left behind. One run at a time. A run is late
after 10 minutes.

## If it fails
`load_news`: the last lines of its log name the error. A killed or failed run changes nothing that is not recorded in
the ledger; the next run continues from there, so clearing the task is always safe. `check_news`: its log has one line
for each check with both numbers; the data is loaded, and something about it is wrong.

## Backfill
Not here: a run loads whatever Kafka holds, and a late article recomputes exactly the hours it reaches.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable, task
from marketpulse.assets import NEWS_PUBLISHED
from marketpulse.config import project_root
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "load_news"
CHECKS = ("ops/kafka_offsets/checks.sql", "market/articles/checks.sql")

with DAG(
    dag_id=DAG_ID,
    description="Articles from Kafka to PostgreSQL, exactly once, with hourly sentiment",
    doc_md=__doc__,
    schedule=AssetOrTimeSchedule(timetable=CronTriggerTimetable("22 * * * *", timezone="UTC"), assets=NEWS_PUBLISHED),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=45),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=10)),
    tags={Tag.NEWS, Tag.ON_NEW_DATA},
):
    load_news = SparkSubmitOperator(
        task_id="load_news",
        conn_id="spark_default",
        application=f"{project_root()}/spark_jobs/marketpulse_spark/jobs/load_news.py",
        application_args=["--run-id", "{{ run_id }}"],
        name=DAG_ID,
        execution_timeout=timedelta(minutes=30),
    )

    @task(retries=1, execution_timeout=timedelta(seconds=30))
    def check_news() -> None:
        """Run the data checks; fail with the first lines of those marked fail that do not hold."""
        from marketpulse.checks import run_checks

        run_checks(CHECKS)

    load_news >> check_news()
