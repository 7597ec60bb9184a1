"""The end of `make up`: waiting until bars arrive, and saying which hop is stuck when they do not."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from confluent_kafka import Consumer, TopicPartition

from marketpulse_stack import dags, postgres
from marketpulse_stack.airflow_api import AirflowApi
from marketpulse_stack.commands import CancelledError, cancelled, last_lines
from marketpulse_stack.console import step_progress
from marketpulse_stack.errors import ServiceFailedError
from marketpulse_stack.kafka import TOPICS
from marketpulse_stack.settings import Settings

BARS_SECONDS = 240.0
POLL_SECONDS = 1.0
PROGRESS_SECONDS = 10.0
# So many failed runs, each with its retries, and none that succeeded: waiting longer does not help.
HOPELESS = 2
NAME = "first bars"


def wait_for_bars(settings: Settings, *, since: float) -> str:
    """Waits until a batch has been loaded since `since` (epoch seconds); returns a note for the user.

    It is content with less where no more can come: the bars of earlier days, when every poll since says that there is
    nothing new; no bars at all, when the user's own vendor has none, because the market is closed.

    Raises:
        ServiceFailedError: Nothing arrives in time; names the hop that is stuck, with its log.
    """
    began = time.monotonic()
    next_progress = began + PROGRESS_SECONDS
    since_text = datetime.fromtimestamp(since, UTC).isoformat()
    waiting_for, polled = "", False
    while time.monotonic() - began < BARS_SECONDS:
        if cancelled():
            raise CancelledError(NAME)
        try:
            with AirflowApi(settings) as api:
                polled = polled or _poll_at_once(settings, api, since_text)
                note = _arrived(settings, api, since)
                if note:
                    return note
                if _is_hopeless(api, since_text):
                    break
                waiting_for = _describe(settings, api, since_text)
        except httpx.HTTPError as error:
            # A busy machine, or the DAG processor has not stored the DAGs yet.
            waiting_for = f"Airflow: {error or type(error).__name__}".splitlines()[0]
        if time.monotonic() > next_progress:
            step_progress(NAME, time.monotonic() - began, waiting_for)
            next_progress += PROGRESS_SECONDS
        time.sleep(POLL_SECONDS)
    try:
        with AirflowApi(settings) as api:
            raise _stuck(settings, api, since_text)
    except httpx.HTTPError as error:
        raise ServiceFailedError(
            f"No bars arrived, and Airflow cannot say why: {error or type(error).__name__}.",
            fix="`make logs S=airflow-api-server`, and `make logs S=airflow-dag-processor` for errors in a DAG.",
            details=last_lines(settings.logs / "airflow-api-server.log"),
        ) from error


def _arrived(settings: Settings, api: AirflowApi, since: float) -> str:
    """Why no more waiting is needed, or an empty string."""
    if _batches_since(settings, since):
        return "are in market.bars_1m"
    polls = [run["state"] for run in api.runs("ingest_bars", since=datetime.fromtimestamp(since, UTC).isoformat())]
    nothing_new = polls.count("success") >= 2 and not _backlog(settings)
    if nothing_new and (_has_bars(settings) or not settings.uses_simulator):
        return "none: the vendor has nothing new (is the market closed?)"
    return ""


def _is_hopeless(api: AirflowApi, since: str) -> bool:
    for dag_id in ("ingest_bars", "load_bars"):
        states = [run["state"] for run in api.runs(dag_id, since=since)]
        if states.count("failed") >= HOPELESS and "success" not in states:
            return True
    return False


def _poll_at_once(settings: Settings, api: AirflowApi, since: str) -> bool:
    """Starts a first poll, instead of waiting for the next minute's."""
    dags.begin_bars(settings, api)
    if not api.runs("ingest_bars", since=since):
        api.trigger("ingest_bars")
    return True


def _batches_since(settings: Settings, since: float) -> bool:
    query = "SELECT count(*) FROM ops.batches WHERE state = 'succeeded' AND committed_at >= to_timestamp(%s)"
    return bool(_query(settings, query, since)) and _has_bars(settings)


def _has_bars(settings: Settings) -> bool:
    return bool(_query(settings, "SELECT count(*) FROM (SELECT 1 FROM market.bars_1m LIMIT 1) bar"))


def _query(settings: Settings, query: Any, *values: object) -> int:
    with psycopg.connect(postgres.superuser_dsn(settings, "marketpulse"), connect_timeout=3) as connection:
        row = connection.execute(query, values).fetchone()
    return int(row[0]) if row else 0


def _backlog(settings: Settings) -> int:
    """Messages in Kafka that the ledger has not passed yet."""
    consumer = Consumer({"bootstrap.servers": f"127.0.0.1:{settings.ports.kafka}", "group.id": "none", "log_level": 0})
    try:
        ends = 0
        for topic in TOPICS:
            for partition in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
                ends += consumer.get_watermark_offsets(TopicPartition(topic, partition), timeout=10)[1]
    finally:
        consumer.close()
    return ends - _query(settings, "SELECT coalesce(sum(next_offset), 0) FROM ops.kafka_offsets")


def _describe(settings: Settings, api: AirflowApi, since: str) -> str:
    polls, loads = (_latest_state(api, dag_id, since) for dag_id in ("ingest_bars", "load_bars"))
    return f"ingest_bars: {polls}; Kafka: {_backlog(settings)} to load; load_bars: {loads}"


def _latest_state(api: AirflowApi, dag_id: str, since: str) -> str:
    runs = api.runs(dag_id, since=since)
    return str(runs[0]["state"]) if runs else "no run yet"


def _stuck(settings: Settings, api: AirflowApi, since: str) -> ServiceFailedError:
    for dag_id, hop in (("ingest_bars", "from the vendor to Kafka"), ("load_bars", "from Kafka to PostgreSQL")):
        runs = api.runs(dag_id, since=since)
        states = [run["state"] for run in runs]
        failed = next((run for run in runs if run["state"] == "failed"), None)
        if failed is not None:
            log = _task_log(settings, dag_id, failed["dag_run_id"])
            return ServiceFailedError(
                f"No bars arrived: {dag_id} fails, {hop} (log: {log}).",
                fix="Read the log. Once the cause is gone, the next run heals it: nothing is lost.",
                details=_complaints(log) if log else "",
            )
        if "success" not in states and not (dag_id == "load_bars" and not _backlog(settings)):
            return ServiceFailedError(
                f"No bars arrived: {dag_id} has {', '.join(states) or 'no run'}, {hop}.",
                fix="`make logs S=airflow-scheduler` says why.",
                details=last_lines(settings.logs / "airflow-scheduler.log"),
            )
        if dag_id == "ingest_bars" and not _backlog(settings) and not _has_bars(settings):
            return ServiceFailedError(
                "No bars arrived: ingest_bars succeeds, and the vendor has no bars.",
                fix="Check ALPHA_VANTAGE_SYMBOLS, ALPHA_VANTAGE_POLL and the SIM_* settings in .env.",
            )
    return ServiceFailedError(
        f"No bars arrived in {BARS_SECONDS:.0f} s: {_describe(settings, api, since)}.",
        fix="`make status`, then `make logs S=airflow-scheduler`.",
    )


def _complaints(log: Path) -> str:
    """The errors and warnings of a task's log, which has one JSON object a line."""
    found = []
    for line in log.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue  # Not one of Airflow's own lines.
        if entry.get("level") in ("warning", "error", "critical"):
            causes = [f"{cause['exc_type']}: {cause['exc_value']}" for cause in entry.get("error_detail", [])]
            found.append(" | ".join([str(entry.get("event", "")), *causes]))
    return "\n".join(found[-8:]) or last_lines(log)


def _task_log(settings: Settings, dag_id: str, run_id: str) -> Path | None:
    folder = settings.home / "airflow" / "logs" / f"dag_id={dag_id}" / f"run_id={run_id}"
    logs = sorted(folder.rglob("attempt=*.log"), key=lambda log: log.stat().st_mtime)
    return logs[-1] if logs else None
