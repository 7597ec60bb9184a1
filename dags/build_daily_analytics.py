"""
## Purpose
Say of each portfolio what a session made of it, and what it may lose in the next; of each symbol how much it may move
in the next, and whether up; and how well all that was said before.

## Reads and writes
Reads `config/portfolios.yml`, which it mirrors to `market.portfolios`, `market.portfolio_versions` and
`market.holdings`; the closes of up to 330 sessions from `market.consensus_bars_1m`, splits and dividends. Writes the
session's rows of `analytics.portfolio_daily`, `portfolio_positions`, `portfolio_correlations`, `portfolio_risk` and
`var_backtests`. From the 5-minute prices of up to 300 sessions of each symbol and source it writes the forecasts of the
next session to `analytics.forecasts`, and the outcomes of those for this one. All in one transaction, with which code
made them of what in `ops.daily_builds`. The reports of the same names show them; `reports.forecast_scores` how good
forecasts were.

## Schedule and deadline
Every midnight UTC for the day that ended; the run waits a quarter of an hour for its last bars. New York's sessions
have ended three hours before or more, half days and both clock changes included; the sessions of a market that never
closes are UTC days. A day on which no instrument has a session is skipped. A run is late after 45 minutes.

## If it fails
`sync_portfolios` names the setting. `build_daily`: the last lines of its log name the error; a failed build has written
nothing, so clearing the task is always safe. `check_daily`: its log has one line for each check with both numbers; the
rows are written, and something about them is wrong.

## Backfill
In the UI, Trigger, then Backfill, oldest day first; or `airflow backfill create --dag-id build_daily_analytics
--from-date 2026-05-01 --to-date 2026-05-31`. One run is one session day, named by the date on which its interval
starts. A day built again changes only rows whose input has changed. After a late correction, build its session and
those after it again: their windows hold it. What was forecast of a session that has opened stands; its outcome follows
the correction.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import DAG, CronDataIntervalTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException
from marketpulse.config import project_root
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "build_daily_analytics"
CHECKS = (
    "analytics/portfolio_daily/checks.sql",
    "analytics/portfolio_positions/checks.sql",
    "analytics/portfolio_correlations/checks.sql",
    "analytics/portfolio_risk/checks.sql",
    "analytics/var_backtests/checks.sql",
    "analytics/forecasts/checks.sql",
)

with DAG(
    dag_id=DAG_ID,
    description="Portfolios after each session, what they may lose in the next, and forecasts of it",
    doc_md=__doc__,
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=90),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=45)),
    tags={Tag.PORTFOLIOS, Tag.EVERY_DAY},
):
    # After the end of the run's interval: a past day's run does not wait.
    wait_for_last_bars = TimeDeltaSensor(
        task_id="wait_for_last_bars",
        delta=timedelta(minutes=15),
        deferrable=True,
        execution_timeout=timedelta(minutes=30),
    )

    @task(execution_timeout=timedelta(minutes=3))
    def sync_portfolios() -> list[str]:
        """Mirror the configuration; returns the calendars that have the session, and skips the day if none has."""
        from marketpulse.sync_portfolios import prepare_session

        start = get_current_context().get("data_interval_start")
        if start is None:
            raise AirflowFailException("no day to build. Next: start this by Backfill, or give the run a logical date")
        calendars = prepare_session(start.date())
        if not calendars:
            raise AirflowSkipException(f"{start.date()} is no session of any instrument, or not over")
        return calendars

    build_daily = SparkSubmitOperator(
        task_id="build_daily",
        conn_id="spark_default",
        application=f"{project_root()}/spark_jobs/marketpulse_spark/jobs/build_daily.py",
        application_args=["--run-id", "{{ run_id }}", "--session", "{{ data_interval_start | ds }}"],
        name="build_daily",
        execution_timeout=timedelta(minutes=10),
    )

    @task(retries=1, execution_timeout=timedelta(minutes=1))
    def check_daily() -> None:
        """Run the data checks; fail with the first lines of those marked fail that do not hold."""
        from marketpulse.checks import run_checks

        run_checks(CHECKS)

    wait_for_last_bars >> sync_portfolios() >> build_daily >> check_daily()
