"""
## Purpose
Know where vendors disagree: compare the bars that two sources have of the same minute of the same instrument.

## Reads and writes
Reads `config/sources.yml` (the tolerance; the order is the rank), the messages in `raw.bars` that were loaded since the
last run, and the bars of their minutes. Writes `market.bar_disagreements`: both values, when they were found to lie
further apart than the tolerance and when a revision made them agree. `reports.vendor_disagreements` shows it;
`market.consensus_bars_1m` serves one price for each minute. Gauge `marketpulse.bars_disagreeing` by pair of sources.

## Schedule and deadline
Every hour, at minute 37. A run is late after 10 minutes.

## If it fails
The log names the setting or the database error. A run is one transaction: a failed one changed nothing, and the next
compares what it would have. Clearing it is safe.

## Backfill
Not needed: late and backfilled bars are compared when they are loaded, and everything is when the rule changes.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "reconcile_vendors"

with DAG(
    dag_id=DAG_ID,
    description="Bars of different vendors compared",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("37 * * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=25),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=10)),
    tags={Tag.BARS, Tag.EVERY_HOUR},
):

    @task(execution_timeout=timedelta(minutes=12))
    def compare_bars() -> dict[str, int]:
        """Compare; returns how many minutes were looked at, and what was found."""
        from dataclasses import asdict

        from marketpulse import reconciliation

        return asdict(reconciliation.reconcile_vendors())

    compare_bars()
