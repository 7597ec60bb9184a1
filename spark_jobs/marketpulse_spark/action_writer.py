"""Writes splits and dividends, within the transaction that commits their ranges."""

from __future__ import annotations

from collections.abc import Sequence

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc

from marketpulse_spark import warehouse
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.ranges import RangeCount, count_ranges, within
from marketpulse_spark.schemas import ACTIONS, DEAD_LETTERS, PRICE

_OBSERVATION = ("symbol", "source", "kind", "ex_date", "effective_at", "value", "currency", "fetched_at")


def write_actions(
    cursor: adbc.Cursor, actions: pa.Table, filled: Sequence[OffsetRange], batch_id: int
) -> list[RangeCount]:
    """Writes raw.actions, dead letters and observations; what is true follows from these by views.

    Args:
        cursor: In the transaction.
        actions: All messages of the ranges, layout `schemas.ACTIONS`.
        filled: The ranges of the actions topic that are not empty.
        batch_id: Row of `ops.batches`.

    Raises:
        RangeIncomplete: The messages are not exactly those of the ranges.
    """
    if not filled:
        return []
    table = actions.append_column("batch_id", pa.repeat(pa.scalar(batch_id, pa.int64()), actions.num_rows))
    is_bad = pc.is_valid(table["reason"])
    good = table.filter(pc.invert(is_bad))
    raw = [name for name in ACTIONS.names if name not in ("reason", "detail", "payload")]
    warehouse.copy(cursor, "raw", "actions", good.select([*raw, "batch_id"]))
    warehouse.copy(cursor, "ops", "dead_letters", table.filter(is_bad).select(DEAD_LETTERS))
    applied = [0] * len(filled)
    for number, count in _merge(cursor, good, filled):
        applied[number] = count
    return count_ranges(actions, applied, filled)


def _merge(cursor: adbc.Cursor, good: pa.Table, filled: Sequence[OffsetRange]) -> list[tuple[int, int]]:
    """Adds what was not observed before; returns, by range, how many observations became versions."""
    if not good.num_rows:
        return []
    cursor.execute("CREATE TEMP TABLE observed (LIKE ops.action_observations, range_number integer) ON COMMIT DROP")
    value = good.schema.get_field_index("value")
    good = good.set_column(value, "value", good["value"].cast(PRICE))
    for number, each in enumerate(filled):
        rows = within(good, each, filled).select(_OBSERVATION)
        numbers = pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)
        warehouse.copy(cursor, None, "observed", rows.append_column("range_number", numbers))
    return warehouse.fetch(cursor, warehouse.sql_text("ops/action_observations/merge.sql"))
