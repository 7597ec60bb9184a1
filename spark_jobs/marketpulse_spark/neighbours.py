"""What the transforms see of a batch: its bars, the stored ones around them, and those from before a split."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg.rows import dict_row

from marketpulse_spark import warehouse
from marketpulse_spark.islands import ISLANDS, find_islands
from marketpulse_spark.rebasing import Rebasing
from marketpulse_spark.schemas import ACTIONS, NUMBERS, OBSERVATIONS
from marketpulse_spark.settings import LoadSettings
from marketpulse_spark.splits import ShareBases, share_bases


def observe(
    batches: Iterable[pa.RecordBatch], actions: pa.Table, settings: LoadSettings, reach: int
) -> Iterator[pa.RecordBatch]:
    """Yields the bars of parsed messages, then the stored bars around them, `reach` bars to each side.

    The same around each split that the batch brings news of; and at last the bars from before splits once more, to be
    divided by their ratios.

    Args:
        batches: Layout `schemas.ROWS`; dead letters are left out.
        actions: Layout `schemas.ACTIONS`, of the same batch.
        settings: Where the warehouse is.
        reach: How many bars an indicator looks back.

    Yields:
        Layout `schemas.OBSERVATIONS`.
    """
    # Not by ADBC: that reads PostgreSQL's catalog of types first, which takes longer than all of this.
    with psycopg.connect(warehouse.bounded(settings), autocommit=True, row_factory=dict_row) as control:
        bases = share_bases(_rows(control, "market/corporate_actions/read_splits.sql"), actions)
        split_islands = _around_splits(control, bases, actions)
    rebasing = Rebasing(bases, reach)
    seen = []
    for batch in batches:
        bars = batch.filter(pc.is_null(batch.column("reason")))
        if bars.num_rows:
            seen.append(bars.select(["partition", "source", "symbol", "ts"]))
            yield rebasing.numbered(_as_observations(bars, is_stored=False))
    islands = pa.concat_tables([find_islands(seen), split_islands])
    if islands.num_rows:
        for stored in _around(islands, settings, reach):
            yield rebasing.numbered(stored)
    yield from rebasing.rebased()


def observe_again(island: pa.Table, settings: LoadSettings, reach: int) -> Iterator[pa.RecordBatch]:
    """Yields the stored bars of one island as if all of them had changed, with those around them.

    Args:
        island: One row of the layout `islands.ISLANDS`.
        settings: Where the warehouse is.
        reach: How many bars an indicator looks back.

    Yields:
        Layout `schemas.OBSERVATIONS`.
    """
    with psycopg.connect(warehouse.bounded(settings), autocommit=True, row_factory=dict_row) as control:
        bases = share_bases(_rows(control, "market/corporate_actions/read_splits.sql"), ACTIONS.empty_table())
    rebasing = Rebasing(bases, reach)
    for stored in _around(island, settings, reach):
        times = stored.column("ts")
        is_inside = pc.and_(pc.greater_equal(times, island["first_ts"][0]), pc.less_equal(times, island["last_ts"][0]))
        place = stored.schema.get_field_index("is_touched")
        yield rebasing.numbered(stored.set_column(place, OBSERVATIONS.field("is_touched"), is_inside))
    yield from rebasing.rebased()


def _around(islands: pa.Table, settings: LoadSettings, reach: int) -> Iterator[pa.RecordBatch]:
    """The stored bars of islands and so many to each side, layout `schemas.OBSERVATIONS`, their basis not yet known."""
    with warehouse.transaction(settings) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("islands", islands, mode="create", temporary=True)
        cursor.execute(warehouse.sql_text("market/bars_1m/read_neighbours.sql"), [reach])
        stored = cursor.fetch_arrow_table()
    for batch in stored.to_batches():
        yield _as_observations(batch, is_stored=True)


def _around_splits(control: psycopg.Connection[dict[str, Any]], bases: ShareBases, actions: pa.Table) -> pa.Table:
    """The instant of each split of which there is news, as an island of each series of its symbol."""
    partitions = dict(zip(actions["symbol"].to_pylist(), actions["partition"].to_pylist(), strict=True))
    islands = [
        (partitions[symbol], row["source"], symbol, effective_at, effective_at)
        for symbol, effective_at in bases.changed()
        for row in _rows(control, "market/bars_1m/read_sources.sql", {"symbol": symbol})
    ]
    return pa.Table.from_pylist([dict(zip(ISLANDS.names, island, strict=True)) for island in islands], schema=ISLANDS)


def _rows(
    control: psycopg.Connection[dict[str, Any]], name: str, parameters: dict[str, str] | None = None
) -> list[dict[str, Any]]:
    return control.execute(warehouse.sql_text(name).encode(), parameters).fetchall()


def _as_observations(bars: pa.RecordBatch, *, is_stored: bool) -> pa.RecordBatch:
    constants = {"is_stored": is_stored, "basis": 0, "divisor": None, "is_touched": False}
    columns = [
        pa.repeat(pa.scalar(constants[field.name], field.type), bars.num_rows)
        if field.name in constants
        else bars.column(field.name).cast(NUMBERS.get(field.name, field.type))
        for field in OBSERVATIONS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=OBSERVATIONS)
