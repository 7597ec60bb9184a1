"""spark-submit load_bars.py --run-id ID: loads everything that Kafka holds of the bar topics."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from marketpulse_spark.errors import DatasetLocked, LedgerMoved, LoadRefused, RangeIncomplete
from marketpulse_spark.settings import LoadSettings, required


def parse_args(argv: Sequence[str]) -> LoadSettings:
    """Reads the arguments, and from the environment what the stack sets for every process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-id", required=True, help="who asks: the Airflow run id")
    parser.add_argument("--max-messages-per-batch", type=int, default=LoadSettings.max_messages_per_batch)
    parser.add_argument("--driver-messages", type=int, default=LoadSettings.driver_messages)
    parser.add_argument("--without-indicators", action="store_true", help="raw and market only, for benchmarks")
    arguments = parser.parse_args(argv)
    if arguments.max_messages_per_batch < 1:
        parser.error("--max-messages-per-batch must be at least 1: a batch of nothing loads nothing")
    return LoadSettings(
        run_id=arguments.run_id,
        warehouse_dsn=required(os.environ, "MARKETPULSE_WAREHOUSE_DSN"),
        kafka_bootstrap=required(os.environ, "MARKETPULSE_KAFKA_BOOTSTRAP"),
        max_messages_per_batch=arguments.max_messages_per_batch,
        driver_messages=arguments.driver_messages,
        with_indicators=not arguments.without_indicators,
    )


def main(argv: Sequence[str]) -> int:
    """Returns 0 when everything is loaded; 1 with one line that says what to do otherwise."""
    submitted_at = float(os.environ.get("MARKETPULSE_SUBMITTED_AT", time.time()))
    settings = parse_args(argv)
    from marketpulse_spark.session import spark_session

    # The JVM sets Spark up while Python imports the rest: a second saved in every minute's run.
    session = ThreadPoolExecutor(1).submit(spark_session, "load_bars")
    from marketpulse_spark.load import load

    try:
        load(settings, submitted_at, session.result)
    except (LoadRefused, DatasetLocked, LedgerMoved, RangeIncomplete) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the task's log
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
