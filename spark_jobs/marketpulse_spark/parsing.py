"""Parses Kafka messages block by block with Arrow; a block that holds a bad message is narrowed down to it.

The block parser accepts only what `contract.parse_bar` accepts, with the same values (a test compares
them); whatever it is not sure of goes to `parse_bar`, which also words the reason.
"""

from __future__ import annotations

import datetime as dt
import functools
import operator
from collections.abc import Iterable, Iterator
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pa_json

from marketpulse_spark.contract import FIELDS, FUTURE_TOLERANCE, PATTERNS, PRICES, as_row, parse_bar
from marketpulse_spark.schemas import NUMBERS, PRICE, ROWS

_SMALLEST_BLOCK = 32
_TEXT = pa.schema([(field, pa.string()) for field in FIELDS])
_PARSE_OPTIONS = pa_json.ParseOptions(explicit_schema=_TEXT, unexpected_field_behavior="error")
_TIME = pa.timestamp("us", tz="UTC")
_FUTURE_TOLERANCE = pa.scalar(FUTURE_TOLERANCE, pa.duration("us"))
_NO_PRICE = pa.scalar(Decimal(0), PRICE)
# Arrow knows a year 0; Python, which reads the values back, does not.
_FIRST_TIME = pa.scalar(dt.datetime.min.replace(tzinfo=dt.UTC), _TIME)
_CHECKED_BY_PATTERN = tuple(field for field in FIELDS if field not in ("interval", "symbol"))


def parse_messages(batches: Iterable[pa.RecordBatch], symbols: frozenset[str]) -> Iterator[pa.RecordBatch]:
    """Parses Kafka messages.

    Args:
        batches: Records in the layout `schemas.MESSAGES`.
        symbols: Known instruments.

    Yields:
        The same records in the same order, in the layout `schemas.ROWS`.
    """
    for batch in batches:
        if batch.num_rows:
            yield from _parse(batch, symbols)


def _parse(batch: pa.RecordBatch, symbols: frozenset[str]) -> Iterator[pa.RecordBatch]:
    block = _parse_block(batch)
    if block is not None:
        yield from _check_block(batch, block, symbols)
    elif batch.num_rows <= _SMALLEST_BLOCK:
        yield _parse_rows(batch, symbols)
    else:
        half = batch.num_rows // 2
        yield from _parse(batch.slice(0, half), symbols)
        yield from _parse(batch.slice(half), symbols)


def _parse_block(batch: pa.RecordBatch) -> pa.Table | None:
    """Parses all values at once, or returns None when they are not one flat JSON object each."""
    values = batch.column("value")
    if values.null_count or not pc.all(pc.and_(pc.starts_with(values, b"{"), pc.ends_with(values, b"}"))).as_py():
        return None
    text = _joined(values)
    # A brace of each kind at the ends of each value and none between: no value can hold two objects or a
    # part of one, so as many rows as values means that each row is its value's.
    if text.count(b"{") != len(values) or text.count(b"}") != len(values):
        return None
    try:
        text.decode()
        table = pa_json.read_json(
            pa.BufferReader(text),
            read_options=pa_json.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=_PARSE_OPTIONS,
        )
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    if table.num_rows != batch.num_rows or any(column.null_count for column in table.columns):
        return None
    return table.combine_chunks()


def _joined(values: pa.BinaryArray) -> bytes:
    """All values one after the other: their buffer, without a Python object for each."""
    _, offsets, data = values.buffers()
    bounds = np.frombuffer(offsets, dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    joined: bytes = data.slice(int(bounds[0]), int(bounds[-1] - bounds[0])).to_pybytes()
    return joined


def _check_block(batch: pa.RecordBatch, block: pa.Table, symbols: frozenset[str]) -> Iterator[pa.RecordBatch]:
    """Checks a parsed block by column; the rows that fail are parsed again one by one, for the reason."""
    columns = {field: block.column(field).chunk(0) for field in FIELDS}
    good = _keeps_patterns(batch, columns, symbols)
    try:
        typed = columns | {field: columns[field].cast(_TIME) for field in ("ts", "fetched_at")}
        numbers = {field: columns[field].cast(NUMBERS[field]) for field in PRICES}
    except pa.ArrowInvalid:
        # A value that matches its pattern but is no date: let the rows tell which.
        yield _parse_rows(batch, symbols)
        return
    good = pc.and_(good, _makes_sense(batch, typed, numbers))
    rows = _rows(batch, typed)
    if pc.all(good).as_py():
        yield rows
        return
    for position, run in _runs(good):
        part = slice(position, position + len(run))
        if run[0]:
            yield rows.slice(part.start, len(run))
        else:
            yield _parse_rows(batch.slice(part.start, len(run)), symbols)


def _keeps_patterns(batch: pa.RecordBatch, columns: dict[str, pa.Array], symbols: frozenset[str]) -> pa.Array:
    checks = [pc.match_substring_regex(columns[field], PATTERNS[field]) for field in _CHECKED_BY_PATTERN]
    checks.append(pc.equal(columns["interval"], "1min"))
    checks.append(pc.is_in(columns["symbol"], pa.array(sorted(symbols), pa.string())))
    checks.append(pc.fill_null(pc.equal(batch.column("key"), columns["symbol"].cast(pa.binary())), False))
    return functools.reduce(pc.and_, checks)


def _makes_sense(batch: pa.RecordBatch, typed: dict[str, pa.Array], numbers: dict[str, pa.Array]) -> pa.Array:
    low, high = numbers["low"], numbers["high"]
    checks = [
        pc.greater(low, _NO_PRICE),
        pc.less_equal(low, numbers["open"]),
        pc.less_equal(numbers["open"], high),
        pc.less_equal(low, numbers["close"]),
        pc.less_equal(numbers["close"], high),
        pc.greater_equal(typed["ts"], _FIRST_TIME),
        pc.greater_equal(typed["fetched_at"], _FIRST_TIME),
        pc.less_equal(typed["ts"], pc.add(batch.column("kafka_ts"), _FUTURE_TOLERANCE)),
    ]
    return functools.reduce(pc.and_, checks)


def _rows(batch: pa.RecordBatch, typed: dict[str, pa.Array]) -> pa.RecordBatch:
    place = {name: batch.column(name) for name in ("topic", "partition", "kafka_offset", "kafka_ts")}
    columns = place | typed
    return pa.RecordBatch.from_arrays(
        [columns[field.name] if field.name in columns else pa.nulls(batch.num_rows, field.type) for field in ROWS],
        schema=ROWS,
    )


def _runs(good: pa.Array) -> Iterator[tuple[int, list[bool]]]:
    """Yields runs of equal flags with their position."""
    flags = good.to_pylist()
    start = 0
    for end in range(1, len(flags) + 1):
        if end == len(flags) or operator.ne(flags[end], flags[start]):
            yield start, flags[start:end]
            start = end


def _parse_rows(batch: pa.RecordBatch, symbols: frozenset[str]) -> pa.RecordBatch:
    rows = [
        as_row(message, parse_bar(message["key"], message["value"], message["kafka_ts"], symbols))
        for message in batch.to_pylist()
    ]
    return pa.RecordBatch.from_pylist(rows, schema=ROWS)
