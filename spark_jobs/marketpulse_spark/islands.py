"""Islands: stretches of time in which a batch has bars of one series, for bounded look-ups in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_TIME = pa.timestamp("us", tz="UTC")
_KEY = ("partition", "source", "symbol")
_GAP_US = 24 * 60 * 60 * 1_000_000

#: Layout of the temporary table `islands` that the queries join.
ISLANDS = pa.schema(
    [
        ("partition", pa.int32()),
        ("source", pa.string()),
        ("symbol", pa.string()),
        ("first_ts", _TIME),
        ("last_ts", _TIME),
    ]
)


def find_islands(batches: Iterable[pa.RecordBatch]) -> pa.Table:
    """Finds the islands of the bars in `batches` (layout `schemas.ROWS`; rows without a symbol are passed over).

    A series (partition, source, symbol) is cut where its bars lie more than a day apart: one correction
    of a bar of last year does not read the year between.
    """
    slim = [batch.select([*_KEY, "ts"]) for batch in batches]
    if not slim:
        return ISLANDS.empty_table()
    table = pa.Table.from_batches(slim)
    table = table.filter(pc.is_valid(table.column("symbol")))
    series = table.group_by(list(_KEY), use_threads=False).aggregate([("ts", "list")])
    islands: list[dict[str, Any]] = []
    for row in range(series.num_rows):
        key = {name: series.column(name)[row].as_py() for name in _KEY}
        times = np.sort(series.column("ts_list")[row].values.cast(pa.int64()).to_numpy())
        for first, last in _cut(times):
            islands.append(key | {"first_ts": first, "last_ts": last})
    return pa.Table.from_pylist(
        islands, schema=pa.schema([(f.name, pa.int64() if f.type == _TIME else f.type) for f in ISLANDS])
    ).cast(ISLANDS)


def _cut(times: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    gaps = np.flatnonzero(np.diff(times) > _GAP_US)
    firsts = np.concatenate(([0], gaps + 1))
    lasts = np.concatenate((gaps, [len(times) - 1]))
    return [(int(times[first]), int(times[last])) for first, last in zip(firsts, lasts, strict=True)]
