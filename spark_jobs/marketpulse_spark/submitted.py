"""What the loaders have in common as programs that spark-submit starts: arguments, exit codes, a quick start."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from marketpulse_spark.errors import DatasetLocked, LedgerMoved, LoadRefused, RangeIncomplete
from marketpulse_spark.settings import DatasetSettings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_Settings = TypeVar("_Settings", bound=DatasetSettings)


def loader_arguments(description: str | None, max_messages_per_batch: int) -> argparse.ArgumentParser:
    """Returns a parser of the arguments that every loader knows."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--run-id", required=True, help="who asks: the Airflow run id")
    parser.add_argument("--max-messages-per-batch", type=_at_least_one, default=max_messages_per_batch)
    return parser


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1: a batch of nothing loads nothing")
    return number


def run_loader(
    settings: _Settings, import_load: Callable[[], Callable[[_Settings, float, Callable[[], SparkSession]], None]]
) -> int:
    """Runs a load in this process.

    Args:
        settings: Of the dataset.
        import_load: Imports and returns its `load`.

    Returns:
        0 when everything is loaded; 1 with one line that says what to do otherwise.
    """
    submitted_at = float(os.environ.get("MARKETPULSE_SUBMITTED_AT", time.time()))
    from marketpulse_spark.session import spark_session

    # The JVM sets Spark up while Python imports the rest: a second saved in every minute's run.
    session = ThreadPoolExecutor(1).submit(spark_session, f"load_{settings.dataset}")
    load = import_load()
    try:
        load(settings, submitted_at, session.result)
    except (LoadRefused, DatasetLocked, LedgerMoved, RangeIncomplete) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the task's log
        return 1
    return 0
