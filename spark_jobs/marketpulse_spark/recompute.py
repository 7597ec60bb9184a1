"""Computes the indicators of all stored bars again: after a migration that adds one, or changes its formula."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
from pyspark.sql import SparkSession

from marketpulse_spark import warehouse
from marketpulse_spark.errors import LedgerMoved
from marketpulse_spark.islands import ISLANDS
from marketpulse_spark.load import computed_in_driver
from marketpulse_spark.neighbours import observe_again
from marketpulse_spark.schemas import OBSERVATIONS
from marketpulse_spark.settings import LoadSettings
from marketpulse_spark.transforms.indicators import REACH
from marketpulse_spark.warehouse import Control
from marketpulse_spark.writer import merge_indicators

_LOG = logging.getLogger("marketpulse.recompute")


def recompute(settings: LoadSettings, session: Callable[[], SparkSession]) -> None:
    """Goes through the bars of each series month by month; rows that come out as they were are left alone.

    Each month is a transaction under the loader's lock, so that loads take their turn in between. After an early end,
    start it again.

    Args:
        settings: Where the warehouse is.
        session: Gives the Spark session.

    Raises:
        DatasetLocked: A load took too long. The months before are written.
        LedgerMoved: This process stood still for so long that a load took its lock. The months before are written.
    """
    with warehouse.transaction(settings) as connection, connection.cursor() as cursor:
        cursor.execute(warehouse.sql_text("market/bars_1m/read_months.sql"))
        months = cursor.fetch_arrow_table().cast(ISLANDS)
    for number in range(months.num_rows):
        month = months.slice(number, 1)
        with Control(settings):
            with warehouse.transaction(settings) as connection, connection.cursor() as cursor:
                ledger = _hold_ledger(cursor, settings)
            observed = pa.Table.from_batches(observe_again(month, settings, REACH), OBSERVATIONS)
            _write(computed_in_driver(session(), observed), ledger, settings)
        _LOG.info("%s of %s: %s", number + 1, months.num_rows, month.to_pylist()[0])


def _write(computed: pa.Table, ledger: list[tuple[Any, ...]], settings: LoadSettings) -> None:
    """Writes what was computed of the bars that stood when the ledger stood so."""
    with warehouse.transaction(settings) as connection:
        with connection.cursor() as cursor:
            if _hold_ledger(cursor, settings) != ledger:
                raise LedgerMoved("Bars were loaded while their indicators were computed. Start it again.")
            merge_indicators(cursor, computed)
        connection.commit()


def _hold_ledger(cursor: adbc.Cursor, settings: LoadSettings) -> list[tuple[Any, ...]]:
    return warehouse.fetch(cursor, warehouse.sql_text("ops/kafka_offsets/hold.sql"), settings.topics)
