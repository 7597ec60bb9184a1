"""What the transforms see of a batch: its bars, and the stored ones around them that indicators look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

from marketpulse_spark import warehouse
from marketpulse_spark.islands import find_islands
from marketpulse_spark.schemas import NUMBERS, OBSERVATIONS
from marketpulse_spark.settings import LoadSettings


def observe(batches: Iterable[pa.RecordBatch], settings: LoadSettings, reach: int) -> Iterator[pa.RecordBatch]:
    """Yields the bars of parsed messages, then the stored bars around them, `reach` bars to each side.

    Args:
        batches: Layout `schemas.ROWS`; dead letters are left out.
        settings: Where the warehouse is.
        reach: How many bars an indicator looks back.

    Yields:
        Layout `schemas.OBSERVATIONS`.
    """
    seen = []
    for batch in batches:
        bars = batch.filter(pc.is_null(batch.column("reason")))
        if bars.num_rows:
            seen.append(bars.select(["partition", "source", "symbol", "ts"]))
            yield _as_observations(bars, is_stored=False)
    islands = find_islands(seen)
    if not islands.num_rows:
        return
    with warehouse.transaction(settings) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("islands", islands, mode="create", temporary=True)
        cursor.execute(warehouse.sql_text("market/bars_1m/read_neighbours.sql"), [reach])
        stored = cursor.fetch_arrow_table()
    for batch in stored.to_batches():
        yield _as_observations(batch, is_stored=True)


def _as_observations(bars: pa.RecordBatch, *, is_stored: bool) -> pa.RecordBatch:
    columns = [
        pa.repeat(pa.scalar(is_stored), bars.num_rows)
        if field.name == "is_stored"
        else bars.column(field.name).cast(NUMBERS.get(field.name, field.type))
        for field in OBSERVATIONS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=OBSERVATIONS)
