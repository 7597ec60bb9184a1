"""spark-submit build_daily.py --run-id ID --session YYYY-MM-DD: builds the daily tables of one session day."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from marketpulse_spark.errors import DatasetLocked, SessionsUnknown
from marketpulse_spark.settings import BuildSettings, required


def parse_args(argv: Sequence[str]) -> BuildSettings:
    """Reads the arguments, and from the environment what the stack sets for every process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-id", required=True, help="who asks: the Airflow run id")
    parser.add_argument("--session", required=True, type=dt.date.fromisoformat, help="YYYY-MM-DD, as exchanges name it")
    arguments = parser.parse_args(argv)
    return BuildSettings(
        run_id=arguments.run_id,
        session=arguments.session,
        warehouse_dsn=required(os.environ, "MARKETPULSE_WAREHOUSE_DSN"),
    )


def main(argv: Sequence[str]) -> int:
    """Returns 0 when the session is built; 1 with one line that says what to do otherwise."""
    settings = parse_args(argv)
    from marketpulse_spark.session import spark_session

    # As in load_bars: the JVM sets Spark up while Python imports the rest and PostgreSQL reads closes.
    session = ThreadPoolExecutor(1).submit(spark_session, "build_daily")
    from marketpulse_spark.build_daily import build

    try:
        changed = build(settings, session.result)
    except (DatasetLocked, SessionsUnknown) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the task's log
        return 1
    print(f"{settings.session}: {changed} rows changed")  # noqa: T201 - the task's log
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
