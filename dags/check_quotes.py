"""
## Purpose
Tell a halt from a hole of our own, and a wrong price from a right one, without asking the vendor of the bars: compare
the last trade that a vendor of quotes knows of with the newest bars of the other vendors.

## Reads and writes
Reads the vendors of `config/sources.yml` whose `data` names quotes, the tolerance there, and `market.bars_1m`. Writes
`ops.quote_checks`: the state of each symbol by source of quotes and source of bars, which `reports.quote_checks` shows.
Gauge `marketpulse.quote_checks` by source and state.

## Schedule and deadline
Every 15 minutes, at minute 5, 20, 35 and 50; symbols whose session is open. No session is open: the task is skipped. A
run is late after 10 minutes.

## If it fails
`compare_quotes` names each symbol that the vendor did not answer for, what it said and what to do; the others are
compared. The next run compares all of them again. Clearing old runs repairs nothing.

## Backfill
Not here: a quote is of now.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from marketpulse.config import enabled_sources
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "check_quotes"

with DAG(
    dag_id=DAG_ID,
    description="Last trades beside the newest bars",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("5,20,35,50 * * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=14),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=10)),
    tags={Tag.BARS, Tag.EVERY_QUARTER_HOUR},
):

    @task(map_index_template="{{ source }}", execution_timeout=timedelta(minutes=9))
    def compare_quotes(source: str) -> dict[str, int]:
        """Compare the quotes of one source; returns how many comparisons came to which state."""
        from marketpulse.quote_checks import check_quotes

        result = check_quotes(source, datetime.now(UTC))
        result.raise_failures()
        if not result.asked:
            raise AirflowSkipException("no session is open")
        return dict(result.states)

    compare_quotes.expand(source=enabled_sources("quotes"))
