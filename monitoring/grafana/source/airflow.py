"""Airflow: its parts, its runs, its slots."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard, units

from monitoring.grafana.source.panels import board, choice, events, graph, number, quantile, ranking

OF_DAG = '{dag_id=~"$dag_id"}'


def build() -> dashboard.Dashboard:
    """The dashboard for runs that fail, come late or stay away."""
    return board(
        "marketpulse-airflow",
        "Airflow",
        "Whether Airflow works, and how long its runs and tasks take and wait.",
        {
            "Does it live?": [
                graph(
                    "Heartbeats per minute",
                    "One every 5 s; the DAG processor's pauses while it reads files.",
                    ("60 * rate(airflow_scheduler_heartbeat_total[$__rate_interval])", "scheduler"),
                    ("60 * rate(airflow_dag_processor_heartbeat_total[$__rate_interval])", "DAG processor"),
                    ("60 * rate(airflow_triggerer_heartbeat_total[$__rate_interval])", "triggerer"),
                    unit=units.CountsPerMinute,
                    runbooks=["scheduler-silent", "dag-processor-silent", "triggerer-silent"],
                ),
                graph(
                    "A round of the scheduler",
                    "Half and 19 of 20 of them: while it takes seconds, no task starts.",
                    (quantile(0.5, "airflow_scheduler_scheduler_loop_duration_seconds", "job"), "half"),
                    (quantile(0.95, "airflow_scheduler_scheduler_loop_duration_seconds", "job"), "19 of 20"),
                    unit=units.Seconds,
                    runbooks=["scheduler-silent"],
                ),
                number(
                    "DAG files that cannot be imported",
                    "Their DAGs run on as they were, or not at all.",
                    ("airflow_dag_processing_import_errors", "files"),
                    unit=units.Short,
                    runbooks=["dag-import-errors"],
                    steps={1: "red"},
                    width=4,
                ),
                number(
                    "Reading all DAG files",
                    "What it takes to notice a change.",
                    ("airflow_dag_processing_total_parse_time_seconds", "seconds"),
                    unit=units.Seconds,
                    runbooks=["dag-processor-silent"],
                    steps={30: "orange"},
                    width=4,
                ),
            ],
            "Do runs end well and in time?": [
                graph(
                    "Successful runs per hour",
                    "ingest_bars has sixty; those of 15 min four.",
                    (
                        f"3600 * sum by (dag_id) (rate(airflow_dagrun_duration_success_seconds_count{OF_DAG}[1h]))",
                        "{{dag_id}}",
                    ),
                    unit=units.Short,
                    runbooks=[
                        "minute-runs-missed",
                        "quarter-hour-runs-missed",
                        "hourly-runs-missed",
                        "daily-runs-missed",
                    ],
                ),
                graph(
                    "Duration of runs, 19 of 20",
                    "The deadlines stand in the DAG files: 60 s for ingest_bars, 5 min for load_bars.",
                    (quantile(0.95, f"airflow_dagrun_duration_success_seconds{OF_DAG}", "dag_id", "1h"), "{{dag_id}}"),
                    unit=units.Seconds,
                    runbooks=["runs-over-deadline", "deadlines-missed"],
                ),
                ranking(
                    "Runs that missed their deadline",
                    "By the triggerer, in the time shown.",
                    (events(f"marketpulse_deadlines_missed_total{OF_DAG}", "dag_id"), "{{dag_id}}"),
                    unit=units.Short,
                    runbooks=["deadlines-missed"],
                ),
                ranking(
                    "Failed tries of tasks",
                    "In the time shown; a try that fails is repeated before the run fails.",
                    (
                        events('airflow_ti_finish_total{state="failed", dag_id=~"$dag_id"}', "dag_id, task_id"),
                        "{{dag_id}}.{{task_id}}",
                    ),
                    unit=units.Short,
                    runbooks=["runs-failed", "tasks-killed"],
                ),
                ranking(
                    "The ten slowest tasks",
                    "The mean of an hour.",
                    (
                        f"topk(10, sum by (dag_id, task_id) (rate(airflow_task_duration_seconds_sum{OF_DAG}[1h]))"
                        f" / sum by (dag_id, task_id) (rate(airflow_task_duration_seconds_count{OF_DAG}[1h])))",
                        "{{dag_id}}.{{task_id}}",
                    ),
                    unit=units.Seconds,
                    runbooks=["runs-over-deadline"],
                    width=16,
                ),
            ],
            "Do they wait?": [
                graph(
                    "From the tick to the run, 19 of 20",
                    "How late runs begin.",
                    (quantile(0.95, f"airflow_dagrun_schedule_delay_seconds{OF_DAG}", "dag_id", "15m"), "{{dag_id}}"),
                    unit=units.Seconds,
                    runbooks=["scheduler-silent", "pool-starving"],
                ),
                graph(
                    "From ready to queued, 19 of 20 tasks",
                    "How long they wait for a slot. Airflow sends nothing of the time from there to their start.",
                    (quantile(0.95, f"airflow_task_scheduled_duration_seconds{OF_DAG}", "dag_id", "15m"), "{{dag_id}}"),
                    unit=units.Seconds,
                    runbooks=["pool-starving"],
                ),
                graph(
                    "Slots",
                    "Of the pools and of the executor. Starving tasks want a slot and get none.",
                    ("airflow_pool_running_slots", "in use: {{pool_name}}"),
                    ("airflow_pool_queued_slots", "queued: {{pool_name}}"),
                    ("airflow_pool_starving_tasks", "starving: {{pool_name}}"),
                    ("airflow_executor_open_slots", "free: executor"),
                    unit=units.Short,
                    runbooks=["pool-starving"],
                ),
            ],
        },
        variables=[choice("dag_id", "DAG", "airflow_dagrun_duration_success_seconds_count")],
    )
