"""Bars from before a split, once more in the shares of after it: what windows that reach over a split look at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from marketpulse_spark.schemas import OBSERVATIONS
from marketpulse_spark.splits import ShareBases

#: Symbol, source and number of a share basis.
_Basis = tuple[str, str, int]


class Rebasing:
    """Watches the observations of a batch go by and keeps, for each share basis, the bars just before it.

    Args:
        bases: The splits of each symbol.
        reach: How many bars an indicator looks back.
    """

    def __init__(self, bases: ShareBases, reach: int) -> None:
        self._bases = bases
        self._reach = reach
        self._earlier: dict[_Basis, pa.Table] = {}
        self._has_bars: set[_Basis] = set()

    def numbered(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Returns rows of the layout `schemas.OBSERVATIONS` with their basis."""
        symbols = rows.column("symbol").dictionary_encode()
        numbers = np.zeros(rows.num_rows, np.int32)
        for code, symbol in enumerate(symbols.dictionary.to_pylist()):
            if len(self._bases.starts(symbol)):
                places = np.flatnonzero(symbols.indices.to_numpy() == code)
                of_symbol = rows.take(pa.array(places))
                numbers[places] = self._bases.numbers(symbol, _times(of_symbol))
                self._keep(symbol, of_symbol)
        return rows.set_column(rows.schema.get_field_index("basis"), OBSERVATIONS.field("basis"), pa.array(numbers))

    def rebased(self) -> Iterator[pa.RecordBatch]:
        """Yields the bars before each basis that has bars of its own, with what their prices are divided by."""
        for (symbol, source, basis), rows in self._earlier.items():
            if (symbol, source, basis) not in self._has_bars:
                continue
            own = self._bases.numbers(symbol, _times(rows)).tolist()
            columns = {
                "basis": pa.repeat(pa.scalar(basis, pa.int32()), rows.num_rows),
                "divisor": pa.array([self._bases.divisor(symbol, each, basis) for each in own], pa.float64()),
                "is_touched": pa.array([self._bases.is_changed(symbol, each, basis) for each in own], pa.bool_()),
            }
            yield pa.RecordBatch.from_arrays(
                [
                    columns[field.name] if field.name in columns else rows.column(field.name).combine_chunks()
                    for field in OBSERVATIONS
                ],
                schema=OBSERVATIONS,
            )

    def _keep(self, symbol: str, rows: pa.RecordBatch) -> None:
        for source in pc.unique(rows.column("source")).to_pylist():
            of_series = pa.Table.from_batches([rows.filter(pc.equal(rows.column("source"), source))])
            times = _times(of_series)
            self._has_bars |= {(symbol, source, number) for number in self._bases.numbers(symbol, times).tolist()}
            for basis, start in enumerate(self._bases.starts(symbol).tolist(), 1):
                earlier = of_series.filter(pa.array(times < start))
                if earlier.num_rows:
                    place = (symbol, source, basis)
                    known = [self._earlier[place]] if place in self._earlier else []
                    self._earlier[place] = self._newest(pa.concat_tables([*known, earlier]))

    def _newest(self, rows: pa.Table) -> pa.Table:
        """The newest bars of a series, as many as an indicator looks back, in all their versions."""
        times = _times(rows)
        different = np.unique(times)
        return rows.filter(pa.array(times >= different[-self._reach :][0]))


def _times(rows: pa.RecordBatch | pa.Table) -> np.ndarray:
    times: np.ndarray = rows.column("ts").cast(pa.int64()).to_numpy()
    return times
