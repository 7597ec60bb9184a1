"""
## Purpose
Know which bars are missing: compare what every exchange's calendar expects with what `market.bars_1m` holds.

## Reads and writes
Reads `config/instruments.yml`, `config/sources.yml` and `market.bars_1m`. Writes `market.sessions` (trading hours of
every calendar, half days and lunch breaks included) and `ops.coverage`: of each symbol, source and session, how many
bars are expected, present and missing, and which minutes have none. Gauge `marketpulse.bars_missing` by source.

## Schedule and deadline
Every hour, at minute 7. A minute counts as missing 10 minutes after it. A run is late after 10 minutes.

## If it fails
The log names the setting or the database error. Nothing depends on a run: the next one measures everything again.

## Backfill
Not needed: each run measures all sessions.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "check_completeness"

with DAG(
    dag_id=DAG_ID,
    description="Expected bars by exchange calendar against those present",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("7 * * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=15),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=10)),
    tags={Tag.BARS, Tag.EVERY_HOUR},
):

    @task(execution_timeout=timedelta(minutes=10))
    def measure_coverage() -> dict[str, int]:
        """Measure; returns how many bars each source lacks."""
        from marketpulse.completeness import check_completeness

        return {each.source: each.missing for each in check_completeness(datetime.now(UTC))}

    measure_coverage()
