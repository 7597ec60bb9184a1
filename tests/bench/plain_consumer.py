"""The honest rival: Kafka to the same two tables in plain Python, exactly once, no Spark.

confluent-kafka, orjson, COPY into a temporary table, merge, offsets in the transaction. It does what a
good engineer would write first: no contract, no dead letters, no revisions, no indicators.
Usage: plain_consumer.py BOOTSTRAP DSN TOPIC; reads the topic to its end and prints the seconds it took.
"""

import sys
import time
from typing import Any

import orjson
import psycopg
from confluent_kafka import Consumer, TopicPartition

CHUNK = 50_000
FIELDS = ("source", "symbol", "interval", "ts", "open", "high", "low", "close", "volume", "fetched_at", "run_id")
RAW = f"topic, partition, kafka_offset, kafka_ts, batch_id, {', '.join(FIELDS)}"
BAR = "symbol, source, ts, open, high, low, close, volume, fetched_at"


def load(connection: psycopg.Connection, topic: str, messages: list[Any]) -> None:
    """Loads one chunk of messages and moves the ledger in the same transaction."""
    ends: dict[int, int] = {}
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE chunk (LIKE raw.bars) ON COMMIT DROP")
        with cursor.copy(f"COPY chunk ({RAW}) FROM STDIN") as copy:
            for message in messages:
                bar = orjson.loads(message.value())
                at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(message.timestamp()[1] / 1000))
                copy.write_row((topic, message.partition(), message.offset(), at, 0, *(bar[f] for f in FIELDS)))
                ends[message.partition()] = message.offset() + 1
        cursor.execute(
            "SELECT raw.ensure_day('bars', day::date) FROM (SELECT DISTINCT kafka_ts::date FROM chunk) d (day)"
        )
        cursor.execute(f"INSERT INTO raw.bars ({RAW}) SELECT {RAW} FROM chunk")
        cursor.execute(
            f"INSERT INTO market.bars_1m AS t ({BAR}) SELECT DISTINCT ON (symbol, source, ts) symbol, source, ts,"
            " open::numeric, high::numeric, low::numeric, close::numeric, volume::numeric, fetched_at FROM chunk"
            " ORDER BY symbol, source, ts, fetched_at DESC ON CONFLICT (symbol, source, ts) DO UPDATE SET"
            " (open, high, low, close, volume, fetched_at) = (excluded.open, excluded.high, excluded.low,"
            " excluded.close, excluded.volume, excluded.fetched_at) WHERE t.fetched_at < excluded.fetched_at"
        )
        for partition, end in ends.items():
            cursor.execute(
                "UPDATE ops.kafka_offsets SET next_offset = %s WHERE topic = %s AND partition = %s",
                [end, topic, partition],
            )


def main(bootstrap: str, dsn: str, topic: str) -> None:
    """Reads the topic from the ledger to its end."""
    started = time.monotonic()
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "plain", "fetch.queue.backoff.ms": 10})
    with psycopg.connect(dsn, autocommit=True) as connection:
        rows = connection.execute("SELECT partition, next_offset FROM ops.kafka_offsets WHERE topic = %s", [topic])
        places = [TopicPartition(topic, partition, offset) for partition, offset in rows]
        left = sum(consumer.get_watermark_offsets(place)[1] - place.offset for place in places)
        total = left
        consumer.assign(places)
        while left:
            messages = consumer.consume(min(CHUNK, left), timeout=5)
            load(connection, topic, messages)
            left -= len(messages)
    consumer.close()
    seconds = time.monotonic() - started
    print(f"{total} messages in {seconds:.2f} s: {total / seconds:.0f}/s")


if __name__ == "__main__":
    main(*sys.argv[1:])
