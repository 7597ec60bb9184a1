"""Bars as numbers: which of them a batch holds more than once, and which PostgreSQL has met before."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_MINUTE_US = 60_000_000
_MINUTE_BITS = 32


def contested_bars(bars: pa.Table, existing: pa.Table) -> pa.Array:
    """Tells which rows cannot simply be added: their bar occurs more than once or is known already.

    Args:
        bars: Messages with `source, symbol, ts`.
        existing: `symbol, source, ts` of bars that PostgreSQL has met.

    Returns:
        A boolean for each row of `bars`.
    """
    numbered, known = _numbers(bars, existing)
    _, inverse, counts = np.unique(numbered, return_inverse=True, return_counts=True)
    return pa.array((counts[inverse] > 1) | np.isin(numbered, known))


def bars_among(bars: pa.Table, others: pa.Table) -> pa.Array:
    """Tells which rows of `bars` are of a bar that `others` holds."""
    numbered, known = _numbers(bars, others)
    return pa.array(np.isin(numbered, known))


def _numbers(one: pa.Table, other: pa.Table) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """One number for each bar of two tables: its series above, its minute since 1970 below."""
    both = pa.concat_tables([table.select(["source", "symbol", "ts"]) for table in (one, other)])
    series = pc.binary_join_element_wise(both["source"], both["symbol"], " ").combine_chunks()
    codes = series.dictionary_encode().indices.to_numpy().astype(np.int64)
    minutes: npt.NDArray[Any] = both["ts"].cast(pa.int64()).to_numpy() // _MINUTE_US
    numbers = (codes << _MINUTE_BITS) + minutes
    return numbers[: one.num_rows], numbers[one.num_rows :]
