"""Reads back the stored bars around those of a batch: what the indicators of the affected bars look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from marketpulse_spark import warehouse
from marketpulse_spark.islands import find_islands
from marketpulse_spark.schemas import ROWS
from marketpulse_spark.settings import LoadSettings


def with_neighbours(batches: Iterable[pa.RecordBatch], settings: LoadSettings, reach: int) -> Iterator[pa.RecordBatch]:
    """Passes parsed messages on and adds the stored bars around them, `reach` bars to each side.

    Args:
        batches: Layout `schemas.ROWS`.
        settings: Where the warehouse is.
        reach: How many bars an indicator looks back.
    """
    seen = []
    for batch in batches:
        seen.append(batch.select(["partition", "source", "symbol", "ts"]))
        yield batch
    islands = find_islands(seen)
    if not islands.num_rows:
        return
    with warehouse.transaction(settings) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("islands", islands, mode="create", temporary=True)
        cursor.execute(warehouse.sql_text("market/bars_1m/read_neighbours.sql"), [reach])
        stored = cursor.fetch_arrow_table()
    yield from _as_rows(stored).to_batches()


def _as_rows(stored: pa.Table) -> pa.Table:
    columns = [
        stored.column(field.name).cast(field.type)
        if field.name in stored.column_names
        else pa.nulls(stored.num_rows, field.type)
        for field in ROWS
    ]
    return pa.Table.from_arrays(columns, schema=ROWS)
