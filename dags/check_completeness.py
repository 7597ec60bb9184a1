"""
## Purpose
Know which bars are missing and bring them in: compare what every exchange's calendar expects with what `market.bars_1m`
holds, and ask the vendors for the rest.

## Reads and writes
Reads `config/instruments.yml`, `config/sources.yml` and `market.bars_1m`. Writes `market.sessions` (trading hours of
every calendar, half days and lunch breaks included), `ops.coverage` (of each symbol, source and session: expected,
present, untraded and missing minutes) and `ops.gaps` (each hole from when it is found until it is closed). Asks enabled
sources for what is missing: bars go to `market.bars.backfill.v1`, minutes that the vendor has no bar of to
`ops.untraded_minutes`. Announces `bars_published`. Gauge `marketpulse.bars_missing` by source.

## Schedule and deadline
Every hour, at minute 7. A minute counts as missing 10 minutes after it. A run is late after 20 minutes.

## If it fails
`measure_coverage`: the log names the setting or the database error. `request_missing`: it names each symbol, what the
vendor said and what to do; `reports.missing_bars` shows the same. The next run measures and asks again.

## Backfill
Not needed: each run measures all sessions. To ask for a session whether it has holes or not, use `backfill_bars`.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronTriggerTimetable, task
from airflow.sdk.exceptions import AirflowSkipException
from marketpulse.assets import BARS_PUBLISHED
from marketpulse.config import enabled_sources
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "check_completeness"

with DAG(
    dag_id=DAG_ID,
    description="Which bars are missing, and the request for them",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("7 * * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=40),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=20)),
    tags={Tag.BARS, Tag.EVERY_HOUR},
):

    @task(execution_timeout=timedelta(minutes=10))
    def measure_coverage() -> dict[str, int]:
        """Measure; returns how many bars each source lacks."""
        from marketpulse.completeness import check_completeness

        return {each.source: each.missing for each in check_completeness(datetime.now(UTC))}

    @task(outlets=[BARS_PUBLISHED], map_index_template="{{ source }}", execution_timeout=timedelta(minutes=15))
    def request_missing(source: str, run_id: str | None = None) -> dict[str, str] | None:
        """Ask one source for its open gaps; returns what failed, by symbol, where something was published."""
        from marketpulse import gaps

        result = gaps.request_missing(source, str(run_id), datetime.now(UTC))
        if not result.published:
            result.raise_failures()
            raise AirflowSkipException(f"{len(result.answers)} gaps were due, and the vendor has no bar of them")
        return result.failures or None

    measure_coverage() >> request_missing.expand(source=enabled_sources("bars"))
