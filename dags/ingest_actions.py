"""
## Purpose
Ask every enabled vendor that knows of them for the splits and dividends of its shares, and publish what is new.

## Reads and writes
Reads the vendors of `config/sources.yml`, one share after the other, and `market.corporate_action_versions`: what is
known to have been said. Writes the Kafka topic `market.actions.v1`; a split or dividend that a vendor no longer lists
is published as withdrawn. Announces `actions_published`, on which `load_bars` recomputes the indicators that a split
touches.

## Schedule and deadline
Every day at 00:15 New York, after the close and before the first bar of a day on which a split may be effective. Can be
triggered at any time. A run is late after 30 minutes.

## If it fails
`publish_actions` names each symbol, what the vendor said and what to do; those that could be asked are published. Clear
the task, or wait for the next day: a split learnt late recomputes exactly the bars that it touches.

## Backfill
Not needed: each run asks for all that the vendor knows, and publishes only what differs from what is known.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from marketpulse.assets import ACTIONS_PUBLISHED
from marketpulse.config import enabled_sources
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "ingest_actions"

with DAG(
    dag_id=DAG_ID,
    description="Splits and dividends, vendors to Kafka, every day",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("15 0 * * *", timezone="America/New_York"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=45),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=30)),
    tags={Tag.ACTIONS, Tag.EVERY_DAY},
):

    @task(outlets=[ACTIONS_PUBLISHED], map_index_template="{{ source }}", execution_timeout=timedelta(minutes=20))
    def publish_actions(source: str, run_id: str | None = None) -> dict[str, str] | None:
        """Ask one source; returns what failed, by symbol, where something else was published."""
        from marketpulse.ingest_actions import poll_actions

        result = poll_actions(source, str(run_id))
        if not result.published:
            result.raise_failures()
            raise AirflowSkipException(f"nothing new of {', '.join(result.asked) or 'any share'}")
        return result.failures or None

    # As in ingest_bars: a failed task announces no asset, and what was published must be loaded.
    @task(retries=0)
    def report_failures(failures: dict[str, str]) -> None:
        """Fail, naming the symbols that could not be fetched."""
        from marketpulse.ingest_actions import ActionsResult
        from marketpulse.outcome import SymbolsFailed

        raise SymbolsFailed(failures, ActionsResult.wanted)

    report_failures.expand(failures=publish_actions.expand(source=enabled_sources("actions")))
