"""How fast a backlog is loaded, beside Spark's own read of it and beside a plain Python consumer."""

from __future__ import annotations

import functools
import json
import subprocess
import time
from collections.abc import Callable
from statistics import median

import psycopg
from confluent_kafka import Consumer, TopicPartition

from tests.bench import backlog
from tests.bench.stack import JOB, SPARK_PYTHON, SPARK_SUBMIT
from tests.local_stack import REPOSITORY, TOOLS

_BENCH = REPOSITORY / "tests/bench"


def measure(
    environment: dict[str, str], topic: backlog.Backlog, sizes: list[int], rounds: int
) -> list[dict[str, object]]:
    """Measures every contender once in each round, in turn, and returns medians for each backlog size."""
    rows = []
    filled = sum(_ends(environment).values())
    for size in sorted(sizes):
        print(f"publishing up to {size:,} messages …", flush=True)
        topic.add(size - filled)
        filled = size
        ends = _ends(environment)
        contenders: dict[str, Callable[[], dict[str, float]]] = {
            "Spark read, nothing written": functools.partial(_spark_read, environment, ends),
            "plain Python consumer": functools.partial(_plain, environment),
            "load_bars, raw + bars": functools.partial(run_load, environment, "--without-indicators"),
            "load_bars, with indicators": functools.partial(run_load, environment),
        }
        results: dict[str, list[dict[str, float]]] = {name: [] for name in contenders}
        for number in range(rounds):
            for name, run in contenders.items():
                backlog.empty_tables(environment)
                results[name].append(run())
                print(f"  {size:,} round {number + 1}: {name}: {results[name][-1]['load']:.1f} s", flush=True)
        plain = median(each["load"] for each in results["plain Python consumer"])
        for name, runs in results.items():
            load = median(each["load"] for each in runs)
            rows.append(
                {
                    "messages": size,
                    "what": name,
                    "start_seconds": round(median(each["start"] for each in runs), 2),
                    "load_seconds": round(load, 2),
                    "messages_per_second": round(size / load),
                    "of_plain_consumer": round(plain / load, 2),
                }
            )
    return rows


def _ends(environment: dict[str, str]) -> dict[int, int]:
    consumer = Consumer({"bootstrap.servers": environment["MARKETPULSE_KAFKA_BOOTSTRAP"], "group.id": "bench"})
    metadata = consumer.list_topics(backlog.TOPIC, timeout=10).topics[backlog.TOPIC]
    ends = {p: consumer.get_watermark_offsets(TopicPartition(backlog.TOPIC, p))[1] for p in metadata.partitions}
    consumer.close()
    return ends


def _spark_read(environment: dict[str, str], ends: dict[int, int]) -> dict[str, float]:
    jars = ":".join(map(str, sorted((TOOLS / "jars/spark").glob("*.jar"))))
    arguments = [environment["MARKETPULSE_KAFKA_BOOTSTRAP"], backlog.TOPIC, json.dumps(ends)]
    command = [SPARK_SUBMIT, "--driver-class-path", jars, _BENCH / "spark_read.py", *arguments]
    wall, output = _run(environment | {"MARKETPULSE_SPARK_PROFILE": "plain"}, command)
    seconds = json.loads(output.splitlines()[-1])["seconds"]
    return {"start": wall - seconds, "load": seconds}


def _plain(environment: dict[str, str]) -> dict[str, float]:
    arguments = [
        environment["MARKETPULSE_KAFKA_BOOTSTRAP"],
        environment["MARKETPULSE_WAREHOUSE_DSN"],
        backlog.TOPIC,
    ]
    wall, output = _run(environment, [SPARK_PYTHON, _BENCH / "plain_consumer.py", *arguments])
    seconds = float(output.split(" in ")[1].split(" s:")[0])
    return {"start": wall - seconds, "load": seconds}


def run_load(environment: dict[str, str], *arguments: str) -> dict[str, float]:
    """Runs `load_bars`; returns its time from the first batch's start to the last commit, and the start before."""
    _run(environment, [SPARK_SUBMIT, JOB, "--run-id", "bench", *arguments])
    with psycopg.connect(environment["MARKETPULSE_WAREHOUSE_DSN"]) as connection:
        row = connection.execute(
            "SELECT extract(epoch FROM min(started_at) - min(submitted_at))::float8,"
            "       extract(epoch FROM max(committed_at) - min(started_at))::float8 FROM ops.batches"
        ).fetchone()
    if row is None or row[1] is None:
        raise SystemExit("The job loaded nothing")
    return {"start": row[0], "load": row[1]}


def _run(environment: dict[str, str], command: list[object]) -> tuple[float, str]:
    started = time.monotonic()
    finished = subprocess.run(
        [str(each) for each in command], env=environment, capture_output=True, text=True, check=False
    )
    if finished.returncode:
        raise SystemExit(f"{command[0]} failed:\n{finished.stdout[-2000:]}\n{finished.stderr[-4000:]}")
    return time.monotonic() - started, finished.stdout
