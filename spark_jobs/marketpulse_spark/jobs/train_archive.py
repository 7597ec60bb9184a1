"""Runs the work of a small batch once, so that the JVM can archive the classes it needs (see bin/train-archive).

Reads from a topic of its own, which it makes and deletes, and writes nothing.
"""

from __future__ import annotations

import datetime as dt
import os
import sys
import uuid

import orjson
import pyarrow as pa
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from marketpulse_spark import broker
from marketpulse_spark.kafka_source import read_messages
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.load import computed_in_driver
from marketpulse_spark.parsing import parse_messages
from marketpulse_spark.session import spark_session
from marketpulse_spark.settings import LoadSettings, required

_SYMBOL = "TRAINING"
_BARS = 200


def main() -> int:
    """Trains; returns 0."""
    bootstrap = required(os.environ, "MARKETPULSE_KAFKA_BOOTSTRAP")
    topic = f"marketpulse.training.{uuid.uuid4().hex}"
    settings = LoadSettings(
        run_id="train-archive", warehouse_dsn="", kafka_bootstrap=bootstrap, live_topic=topic, backfill_topic=topic
    )
    admin = AdminClient({"bootstrap.servers": bootstrap})
    admin.create_topics([NewTopic(topic, 2, 1)])[topic].result(timeout=30)
    try:
        _publish(bootstrap, topic)
        (state,) = broker.read_topics(bootstrap, [topic])
        ranges = [OffsetRange(topic, partition, 0, end) for partition, end in state.end.items()]
        spark = spark_session("train_archive")
        messages = read_messages(spark, ranges, settings).toArrow()
        rows = pa.Table.from_batches(parse_messages(messages.to_batches(), frozenset({_SYMBOL})))
        computed = computed_in_driver(spark, rows)
        if computed.num_rows != _BARS:
            raise SystemExit(f"The training batch holds {computed.num_rows} rows instead of {_BARS}")
    finally:
        admin.delete_topics([topic])[topic].result(timeout=30)
    return 0


def _publish(bootstrap: str, topic: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    start = dt.datetime(2020, 1, 2, 14, 30, tzinfo=dt.UTC)
    for number in range(_BARS):
        bar = {
            "source": "training",
            "symbol": _SYMBOL,
            "interval": "1min",
            "ts": f"{start + dt.timedelta(minutes=number):%Y-%m-%dT%H:%M:00Z}",
            **dict.fromkeys(("open", "high", "low", "close"), f"{100 + number / 100:.2f}"),
            "volume": "1000",
            "fetched_at": "2020-01-03T00:00:00.000000Z",
            "run_id": "train-archive",
        }
        producer.produce(topic, orjson.dumps(bar), _SYMBOL)
    if producer.flush(30):
        raise SystemExit(f"Kafka at {bootstrap} did not take the training messages within 30 s")


if __name__ == "__main__":
    sys.exit(main())
