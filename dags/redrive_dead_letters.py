"""
## Purpose
Publish dead letters again, mended or as they were, that a person asked for on the page Dead letters (in the UI,
under Browse).

## Reads and writes
Reads the requests in `ops.redrives`. Publishes each message to the topic that its letter came from, under the
publisher's key, and records where it went. The ordinary loader takes it from there; what became of it is in
`ops.dead_letter_states`. Announces `bars_published`, `actions_published` or `news_published`. Counter
`marketpulse.dead_letters_redriven` by topic.

## Schedule and deadline
The page starts it; and every hour, for requests whose start was lost. Nothing requested: skipped. A run is late after
10 minutes.

## If it fails
`publish_requested` names what Kafka did not acknowledge; that stays requested, and the next run publishes it. A request
that cannot be published at all, for want of a key, is refused, and its letter is open again. A message that was
published and not recorded is published once more: the loader counts the second as a duplicate. Clearing the task is
always safe.

## Backfill
Not here: requests have no date.

## Owner
data-engineering
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException
from marketpulse.assets import OF_TOPIC, REDRIVEN
from marketpulse.deadlines import alert_after
from marketpulse.defaults import DEFAULT_ARGS, START_DATE
from marketpulse.tags import Tag

DAG_ID = "redrive_dead_letters"

with DAG(
    dag_id=DAG_ID,
    description="Dead letters to Kafka once more, as people ask",
    doc_md=__doc__,
    schedule=CronTriggerTimetable("52 * * * *", timezone="UTC"),
    start_date=START_DATE,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=30),
    default_args=DEFAULT_ARGS,
    deadline=alert_after(DAG_ID, timedelta(minutes=10)),
    tags={Tag.BARS, Tag.ACTIONS, Tag.NEWS, Tag.EVERY_HOUR},
):

    @task(outlets=[REDRIVEN], execution_timeout=timedelta(minutes=9))
    def publish_requested() -> dict[str, int]:
        """Publish what is requested; returns how many messages went to which topic."""
        from marketpulse.redriving import publish_requested as publish

        context = get_current_context()
        published = publish(context["run_id"])
        if not published.total():
            raise AirflowSkipException("nothing is requested")
        for topic in published:
            context["outlet_events"][REDRIVEN].add(OF_TOPIC[topic])
        return dict(published)

    publish_requested()
