"""spark-submit detect_anomalies.py --run-id ID [--session YYYY-MM-DD]: finds anomalies in changed bars or a session."""

from __future__ import annotations

import argparse
import datetime as dt
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from marketpulse_spark.errors import DatasetLocked, DetectionOvertaken, SessionsUnknown
from marketpulse_spark.settings import DetectSettings, required


def parse_args(argv: Sequence[str]) -> DetectSettings:
    """Reads the arguments, and from the environment what the stack sets for every process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run-id", required=True, help="who asks: the Airflow run id")
    parser.add_argument(
        "--session", type=_day, help="YYYY-MM-DD, as exchanges name it; empty: whatever was loaded since the last run"
    )
    arguments = parser.parse_args(argv)
    return DetectSettings(
        run_id=arguments.run_id,
        session=arguments.session,
        warehouse_dsn=required(os.environ, "MARKETPULSE_WAREHOUSE_DSN"),
    )


def _day(text: str) -> dt.date | None:
    return dt.date.fromisoformat(text) if text else None


def main(argv: Sequence[str]) -> int:
    """Returns 0 when everything was looked at; 1 with one line that says what to do otherwise."""
    settings = parse_args(argv)
    from marketpulse_spark.session import spark_session

    # As in load_bars: the JVM sets Spark up while Python imports the rest and PostgreSQL reads bars.
    session = ThreadPoolExecutor(1).submit(spark_session, "detect_anomalies")
    from marketpulse_spark.detect_anomalies import detect

    try:
        found = detect(settings, session.result)
    except (DatasetLocked, DetectionOvertaken, SessionsUnknown) as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the task's log
        return 1
    print(f"new: {dict(sorted(found.items()))}")  # noqa: T201 - the task's log
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
