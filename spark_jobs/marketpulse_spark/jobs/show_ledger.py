"""Shows, for each partition, what the ledger counts on beside what Kafka holds, and which load would be refused.

Reads only. Needs no Spark: python -m marketpulse_spark.jobs.show_ledger
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import psycopg

from marketpulse_spark import broker, ledger
from marketpulse_spark.broker import TopicState
from marketpulse_spark.errors import LoadRefused
from marketpulse_spark.ledger import LedgerRow
from marketpulse_spark.settings import DatasetSettings, LoadSettings, NewsSettings, required

_LINE = "{:<26} {:>9} {:>12} {:>12} {:>12}"
_NONE = "-"


def main() -> int:
    """Returns 0 when the loads of all datasets would start, 1 when one would be refused."""
    dsn = required(os.environ, "MARKETPULSE_WAREHOUSE_DSN")
    bootstrap = required(os.environ, "MARKETPULSE_KAFKA_BOOTSTRAP")
    would_start = [
        _show_dataset(LoadSettings("show-ledger", dsn, bootstrap)),
        _show_dataset(NewsSettings("show-ledger", dsn, bootstrap)),
    ]
    return 0 if all(would_start) else 1


def _show_dataset(settings: DatasetSettings) -> bool:
    topics = settings.topics
    with psycopg.connect(settings.warehouse_dsn) as connection:
        rows = connection.execute(
            "SELECT topic, partition, cluster_id, topic_id, next_offset FROM ops.kafka_offsets WHERE topic = ANY(%s)",
            [list(topics)],
        ).fetchall()
    counted = [LedgerRow(*row) for row in rows]
    refusal: LoadRefused | None = None
    held: list[TopicState] = []
    try:
        held = broker.read_topics(settings.kafka_bootstrap, topics)
        ledger.check(counted, held)
    except LoadRefused as error:
        refusal = error
    _show(counted, held)
    said = f"{type(refusal).__name__}: {refusal}" if refusal else "would start."
    _say(f"load_{settings.dataset}: {said}")
    return refusal is None


def _show(counted: Sequence[LedgerRow], held: Sequence[TopicState]) -> None:
    ledger_at = {(row.topic, row.partition): row.next_offset for row in counted}
    first = {(state.topic, partition): offset for state in held for partition, offset in state.first.items()}
    end = {(state.topic, partition): offset for state in held for partition, offset in state.end.items()}
    _say(_LINE.format("topic", "partition", "first held", "ledger", "end"))
    for place in sorted(ledger_at.keys() | end.keys()):
        _say(_LINE.format(*place, *(found.get(place, _NONE) for found in (first, ledger_at, end))))
    ids = {("the ledger", row.topic, row.topic_id, row.cluster_id) for row in counted}
    ids |= {("Kafka", state.topic, state.topic_id, state.cluster_id) for state in held}
    for knower, topic, topic_id, cluster_id in sorted(ids, key=lambda each: (each[1], each[0])):
        _say(f"{topic} is {topic_id} of cluster {cluster_id} to {knower}")


def _say(line: str) -> None:
    print(line)  # noqa: T201 - what the command is for


if __name__ == "__main__":
    sys.exit(main())
