"""
## Purpose
Ask every enabled vendor that has them for the news since the last run, and publish what is new or changed.

## Reads and writes
Reads the vendors of `config/sources.yml` whose `data` names news, and `ops.news_watermarks`. Writes the Kafka topic
`market.news.v1`, articles about instruments of `config/instruments.yml` alone, and, once Kafka has acknowledged every
message, `ops.news_watermarks`. Announces `news_published`.

## Schedule and deadline
Every 15 minutes. Nothing new: the task is skipped, nothing is announced. Live bars go first: a vendor whose day has no
room for both is asked for news when it has. A run is late after 10 minutes.

## If it fails
`publish_news` fails when nothing could be published, `report_failures` when some of it could not; both name what could
not be had, what the vendor said and what to do next. The next run begins where the last one that had all of it ended,
so an outage heals by itself, as far back as the vendor answers. Clearing old runs repairs nothing.

## Backfill
Not here: a run has no data interval. Deleting a source's row of `ops.news_watermarks` publishes the last days again.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from marketpulse.assets import NEWS_PUBLISHED
from marketpulse.config import enabled_sources
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "ingest_news"

with DAG(
    dag_id=DAG_ID,
    description="News, vendors to Kafka, every 15 minutes",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("*/15 * * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=14),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=10)),
    tags={Tag.NEWS, Tag.EVERY_QUARTER_HOUR},
):

    @task(outlets=[NEWS_PUBLISHED], map_index_template="{{ source }}", execution_timeout=timedelta(minutes=9))
    def publish_news(source: str, run_id: str | None = None) -> dict[str, str] | None:
        """Ask one source; returns what failed, by symbol, where something else was published."""
        from marketpulse.ingest_news import poll_news

        result = poll_news(source, str(run_id))
        if not result.published:
            result.raise_failures()
            raise AirflowSkipException("left to a later run" if result.deferred else "nothing new")
        return result.failures or None

    # As in ingest_bars: a failed task announces no asset, and what was published must be loaded.
    @task(retries=0)
    def report_failures(failures: dict[str, str]) -> None:
        """Fail, naming what could not be fetched."""
        from marketpulse.ingest_news import NewsResult
        from marketpulse.outcome import SymbolsFailed

        raise SymbolsFailed(failures, NewsResult.wanted)

    report_failures.expand(failures=publish_news.expand(source=enabled_sources("news")))
