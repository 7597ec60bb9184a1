"""
## Purpose
Ask every enabled vendor for the bars since the last run and publish the new and changed ones to Kafka.

## Reads and writes
Reads the vendors of `config/sources.yml`, within their rate, and `ops.source_watermarks`. Writes the Kafka topic
`market.bars.v1` and, once Kafka has acknowledged every message, `ops.source_watermarks`. Announces `bars_published`.

## Schedule and deadline
Every minute, at the tick. Equities are asked for only while their exchange trades, extended hours included, and once
after its close. Nothing new: the task is skipped, nothing is announced, no Spark starts. A run is late after 60 s.

## If it fails
`publish_bars` fails when nothing could be published, `report_failures` when some symbols could not; both name each
symbol, what the vendor said and what to do next. The next run asks for everything since the watermark, so an outage
shorter than the vendor's answer reaches back (30 days) heals by itself. Clearing old runs repairs nothing.

## Backfill
Not here: a run has no data interval. History comes with `backfill_bars` and `make import-bars`.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from marketpulse.assets import BARS_PUBLISHED
from marketpulse.config import enabled_sources
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "ingest_bars"

with DAG(
    dag_id=DAG_ID,
    description="Vendors to Kafka, every minute",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("* * * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    # Two, so that a slow run does not cost the next minute its own; the lock of each source keeps them apart.
    max_active_runs=2,
    dagrun_timeout=timedelta(seconds=110),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(seconds=60)),
    tags={Tag.BARS, Tag.EVERY_MINUTE},
):

    @task(outlets=[BARS_PUBLISHED], map_index_template="{{ source }}", execution_timeout=timedelta(seconds=50))
    def publish_bars(source: str, run_id: str | None = None) -> dict[str, str] | None:
        """Poll one source; returns what failed, by symbol, where something else was published."""
        from marketpulse.ingest import poll_source

        result = poll_source(source, str(run_id))
        if not result.published:
            result.raise_failures()
            raise AirflowSkipException(f"nothing new of {', '.join(result.asked) or 'any symbol: markets are closed'}")
        return result.failures or None

    # A failed task announces no asset: what was published would wait for the loader's next sweep. So the failures of a
    # run that published something are a task of their own, which has no instance while there are none.
    @task(retries=0)
    def report_failures(failures: dict[str, str]) -> None:
        """Fail, naming the symbols that could not be fetched."""
        from marketpulse.outcome import SymbolsFailed

        raise SymbolsFailed(failures)

    report_failures.expand(failures=publish_bars.expand(source=enabled_sources("bars")))
