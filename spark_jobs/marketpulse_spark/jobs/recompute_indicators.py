"""spark-submit recompute_indicators.py: computes the indicators of all stored bars again."""

from __future__ import annotations

import logging
import os
import sys

from marketpulse_spark.errors import DatasetLocked, LedgerMoved
from marketpulse_spark.recompute import recompute
from marketpulse_spark.session import compile_expressions, spark_session
from marketpulse_spark.settings import LoadSettings, required


def main() -> int:
    """Returns 0 when all are computed; 1 with one line that says what to do otherwise."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    settings = LoadSettings(
        run_id="recompute_indicators",
        warehouse_dsn=required(os.environ, "MARKETPULSE_WAREHOUSE_DSN"),
        kafka_bootstrap=required(os.environ, "MARKETPULSE_KAFKA_BOOTSTRAP"),
    )
    spark = spark_session("recompute_indicators")
    compile_expressions(spark)
    try:
        recompute(settings, lambda: spark)
    except (DatasetLocked, LedgerMoved) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - for the person who started it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
