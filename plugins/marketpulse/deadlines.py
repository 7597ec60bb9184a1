"""What happens when a run is late."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

# Exported by airflow.sdk at run time, but not to type checkers.
from airflow.sdk import AsyncCallback, DeadlineAlert, DeadlineReference  # type: ignore[attr-defined]

from marketpulse import metrics
from marketpulse.alertmanager import post_alert

# The labels of the rule DeadlinesMissed, and its window: what it tells of the counter and what is posted is one alert.
ALERT = {"alertname": "DeadlinesMissed", "severity": "ticket", "team": "data", "layer": "pipeline"}
ALERT_LASTS = timedelta(minutes=15)
RUNBOOK = "docs/runbooks/deadlines-missed.md"

log = logging.getLogger(__name__)


async def report_missed_deadline(**kwargs: Any) -> None:
    """Log and count a missed deadline, and tell Alertmanager; Airflow's triggerer calls this.

    Args:
        **kwargs: `context` (the DAG run) from Airflow, and what `alert_after` gave.
    """
    dag_run = kwargs.get("context", {}).get("dag_run", {})
    run_id = dag_run.get("dag_run_id") or dag_run.get("run_id")
    dag_id = str(kwargs["dag_id"])
    log.error("%s: run %s is not done %s s after it was queued", dag_id, run_id, kwargs["seconds"])
    metrics.count("deadlines_missed", 1, dag_id=dag_id)
    annotations = {
        "summary": f"A run of {dag_id} was not done {kwargs['seconds']} s after it was queued",
        "description": f"It is {run_id}. Airflow's triggerer says so.",
        "runbook": RUNBOOK,
    }
    await post_alert({**ALERT, "dag_id": dag_id}, annotations, ALERT_LASTS)


def alert_after(dag_id: str, limit: timedelta) -> DeadlineAlert:
    """An alert for runs of a DAG that are not done a while after they were queued."""
    return DeadlineAlert(
        name=f"{dag_id} is late",
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=limit,
        callback=AsyncCallback(report_missed_deadline, {"dag_id": dag_id, "seconds": int(limit.total_seconds())}),
    )
