"""
## Purpose
Ask a vendor for whole session days, past ones or yesterday's once more, and bring in what is new or changed.

## Reads and writes
Reads one source of `config/sources.yml` and `market.bars_1m`. Writes bars that differ from the stored ones to
`market.bars.backfill.v1`, which the loader takes after the live ones. Announces `bars_published`. Asking for a day
again changes no row.

## Schedule and deadline
Every midnight UTC for the day that ended: corrections that came after the live poll had looked its last. Symbols that
were not polled live on that day are left out of this run. A run is late after 30 minutes.

## If it fails
`publish_session` names each symbol, what the vendor said and what to do. Clear the task, or start the same backfill
with the reprocess behavior "Missing and Errored Runs".

## Backfill
This is the one: in the UI, Trigger, then Backfill, and tick "Override parameters on existing runs", without which
Airflow's form sends no parameters. Or `airflow backfill create --dag-id backfill_bars --from-date 2026-05-01
--to-date 2026-05-31 --dag-run-conf '{"symbols": ["IBM"]}'` (in the local stack: `make airflow C="…"`). One run is one
session day, named by the date on which its interval starts; days without a session are skipped. `dry_run` says what
would be published.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, Param, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from marketpulse.assets import BARS_PUBLISHED
from marketpulse.config import enabled_sources
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "backfill_bars"
SOURCES = enabled_sources("bars")

with DAG(
    dag_id=DAG_ID,
    description="A session day of a vendor, through Kafka",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=2,
    dagrun_timeout=timedelta(minutes=60),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=30)),
    tags={Tag.BARS, Tag.EVERY_DAY},
    params={
        "source": Param(SOURCES[0] if SOURCES else "", type="string", enum=SOURCES or [""], description="The vendor."),
        "symbols": Param(
            [],
            type="array",
            items={"type": "string", "pattern": "^([A-Z0-9][A-Z0-9.-]{0,23})?$"},
            maxItems=500,
            description="Symbols of config/instruments.yml, one a line; none: those that the source is polled for.",
        ),
        "dry_run": Param(False, type="boolean", description="Ask and compare, publish nothing."),
    },
):
    # One at a time: history must not take the slots and the budget of what is live.
    @task(outlets=[BARS_PUBLISHED], max_active_tis_per_dag=1, execution_timeout=timedelta(minutes=25))
    def publish_session() -> dict[str, int]:
        """Ask for the session day; returns how many bars there are, differ and were published."""
        from marketpulse.backfill import backfill_session

        context = get_current_context()
        start = context.get("data_interval_start")
        if start is None:
            raise AirflowFailException(
                "no day to ask for. Next: start this by Backfill, or give the run a logical date"
            )
        params, day = context["params"], start.date()
        result = backfill_session(
            params["source"],
            [symbol for symbol in params["symbols"] if symbol],  # An empty line of the form is none.
            day,
            context["run_id"],
            dry_run=params["dry_run"],
            only_polled=context["dag_run"].run_type == "scheduled",
        )
        result.raise_failures()
        if not result.published:
            raise AirflowSkipException(
                f"{day}: {result.bars} bars of {len(result.asked)} symbols, {result.differing} differ"
            )
        return {"bars": result.bars, "differing": result.differing, "published": result.published}

    publish_session()
