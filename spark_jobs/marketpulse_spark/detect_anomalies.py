"""Finds anomalies in the sessions whose bars have changed, or in one session."""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from marketpulse_spark.anomaly_schemas import BARS
from marketpulse_spark.code_version import code_version, dag_id
from marketpulse_spark.errors import DetectionOvertaken, SessionsUnknown
from marketpulse_spark.metrics import LoadMetrics
from marketpulse_spark.settings import DetectSettings
from marketpulse_spark.transforms.anomalies import anomalies
from marketpulse_spark.warehouse import Control, fetch, sql_text, transaction

_LOG = logging.getLogger("marketpulse.detect_anomalies")


def detect(settings: DetectSettings, session: Callable[[], SparkSession]) -> Counter[str]:
    """Looks at each session of which something was loaded, and at those in whose window it is.

    What has been looked at is remembered last, so that a run that was ended early is done again: what is found is a
    function of the bars, and rows that are as they should be are left alone.

    Args:
        settings: See there.
        session: Gives the Spark session; called when there is something to look at.

    Returns:
        How many anomalies are new, by kind.

    Raises:
        DatasetLocked: Another detection is at work; see `errors`.
        DetectionOvertaken: See `errors`.
        SessionsUnknown: See `errors`.
    """
    with Control(settings):
        # Before the bars are read: what is loaded meanwhile is looked at again by the next run.
        ledger = _read(settings, "ops/detected_offsets/ledger.sql")
        if settings.session:
            wanted = _read(settings, "analytics/anomalies/of_session.sql", [settings.session])
        else:
            _check_sessions(settings)
            wanted = _read(settings, "analytics/anomalies/changed.sql")
        found: Counter[str] = Counter()
        if wanted.num_rows:
            detection = _begin(settings, wanted.num_rows)
            for start in range(0, wanted.num_rows, settings.sessions_at_once):
                part = wanted.slice(start, settings.sessions_at_once)
                bars = session().createDataFrame(read_bars(settings, part), BARS)
                found += _write(settings, detection, part, anomalies(bars).toArrow())
        if not settings.session:
            _remember(settings, ledger)
    with contextlib.closing(LoadMetrics(settings.dataset)) as metrics:
        metrics.anomalies(found)
    return found


def read_bars(settings: DetectSettings, wanted: pa.Table) -> pa.Table:
    """The bars of sessions of a series and of the 20 sessions before each: layout `anomaly_schemas.BARS`, in no order.

    Args:
        settings: Where the warehouse is.
        wanted: Symbol, source and session of each.
    """
    with transaction(settings) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("wanted", wanted, mode="create", temporary=True)
        cursor.execute(sql_text("analytics/anomalies/read_bars.sql"))
        return cursor.fetch_arrow_table()


def _read(settings: DetectSettings, file: str, parameters: Sequence[Any] | None = None) -> pa.Table:
    with transaction(settings) as connection, connection.cursor() as cursor:
        cursor.execute(sql_text(file), parameters)
        return cursor.fetch_arrow_table()


def _check_sessions(settings: DetectSettings) -> None:
    """A bar whose session nobody knows would never be looked at."""
    ((bars,),) = _read(settings, "analytics/anomalies/beyond_sessions.sql").to_pydict().values()
    if bars:
        raise SessionsUnknown(
            f"market.sessions does not reach {bars} of the loaded bars. "
            "Next: run detect_anomalies, whose task find_changed brings it up to date."
        )


def _begin(settings: DetectSettings, sessions: int) -> int:
    with transaction(settings) as connection, connection.cursor() as cursor:
        record = [dag_id(), settings.run_id, code_version(), sessions]
        ((detection,),) = fetch(cursor, sql_text("ops/detections/insert.sql"), record)
        connection.commit()
    return int(detection)


def _write(settings: DetectSettings, detection: int, wanted: pa.Table, computed: pa.Table) -> Counter[str]:
    """Replaces what was found in these sessions in one transaction; returns how many are new, by kind."""
    with transaction(settings) as connection, connection.cursor() as cursor:
        # Whoever took the lock from a process that stood still has ended its transactions before it began.
        if fetch(cursor, sql_text("ops/detections/newest.sql")) != [(detection,)]:
            raise DetectionOvertaken(
                "Another detection has begun since. Nothing to mend: it finds all that this one would."
            )
        cursor.adbc_ingest("wanted", wanted, mode="create", temporary=True)
        cursor.adbc_ingest("computed", computed, mode="create", temporary=True)
        touched = fetch(cursor, sql_text("analytics/anomalies/merge.sql"), [detection])
        connection.commit()
    for kind, new, changed, withdrawn in touched:
        _LOG.info("%s: %d new, %d changed, %d withdrawn", kind, new, changed, withdrawn)
    return Counter({kind: new for kind, new, _, _ in touched})


def _remember(settings: DetectSettings, ledger: pa.Table) -> None:
    with transaction(settings) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("ledger", ledger, mode="create", temporary=True)
        cursor.execute(sql_text("ops/detected_offsets/remember.sql"))
        connection.commit()
