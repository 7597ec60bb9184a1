"""Writes everything that came of the messages of bars and actions, within the transaction that commits their ranges."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
import pyarrow.compute as pc

from marketpulse_spark import fault_points, warehouse
from marketpulse_spark.action_writer import write_actions
from marketpulse_spark.commit import commit_ranges
from marketpulse_spark.islands import find_islands
from marketpulse_spark.keys import bars_among, contested_bars
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.ranges import RangeCount, count_ranges, within
from marketpulse_spark.schemas import DEAD_LETTERS, NUMBERS, ROWS
from marketpulse_spark.settings import LoadSettings
from marketpulse_spark.slowest import BARS_ARE_LIVE_FOR, live_messages, with_slowest

_RAW = (
    "topic", "partition", "kafka_offset", "kafka_ts", "batch_id", "source", "symbol", "interval", "ts",
    "open", "high", "low", "close", "volume", "fetched_at", "run_id",
)  # fmt: skip
_KEY = ("symbol", "source", "ts")
_MINUTE = pa.scalar(dt.timedelta(minutes=1), pa.duration("us"))
_BAR = (*_KEY, "open", "high", "low", "close", "volume", "fetched_at")
#: What the merge needs of a message once it is copied.
_KEPT = ("topic", "partition", "kafka_offset", "kafka_ts", *_BAR, "reason")


def write_ranges(
    batches: Iterable[pa.RecordBatch],
    actions: pa.Table,
    indicators: pa.Table | None,
    ranges: Sequence[OffsetRange],
    batch_id: int,
    settings: LoadSettings,
) -> list[RangeCount]:
    """Commits ranges with raw, dead letters, actions, bars, revisions and indicators.

    Args:
        batches: All messages of the ranges of bar topics, layout `schemas.ROWS`.
        actions: All messages of the ranges of the actions topic, layout `schemas.ACTIONS`.
        indicators: KEY and INDICATORS of `transforms.bars` of all bars that the messages affect; None for none.
        ranges: All ranges that the transaction commits; empty ones fence only.
        batch_id: Row of `ops.batches`.
        settings: Where the warehouse is.

    Returns:
        A count for each range that is not empty; nothing when an earlier attempt at the same ranges had
        committed them although its answer was lost.

    Raises:
        LedgerMoved: Another loader got there first. Nothing was written.
        RangeIncomplete: The rows are not exactly those of the ranges. Nothing was written.
    """
    filled = [each for each in ranges if len(each)]
    of_actions = [each for each in filled if each.topic == settings.actions_topic]
    of_bars = [each for each in filled if each.topic != settings.actions_topic]

    def write(cursor: adbc.Cursor) -> list[RangeCount]:
        messages = _copy_messages(cursor, batches, batch_id, settings)
        fault_points.reach("after_copy")
        counts = write_actions(cursor, actions, of_actions, batch_id)
        return counts + _merge(cursor, messages, indicators, of_bars, settings)

    return commit_ranges(ranges, batch_id, settings, write)


def _copy_messages(
    cursor: adbc.Cursor, batches: Iterable[pa.RecordBatch], batch_id: int, settings: LoadSettings
) -> pa.Table:
    """Copies messages to raw.bars and ops.dead_letters as they come; returns what the merge needs of all of them."""
    kept = []
    days: set[dt.date] = set()
    for batch in batches:
        table = pa.Table.from_batches([batch])
        table = table.append_column("batch_id", pa.repeat(pa.scalar(batch_id, pa.int64()), table.num_rows))
        is_bad = pc.is_valid(table["reason"])
        new_days = set(pc.unique(table["kafka_ts"].cast(pa.date32())).to_pylist()) - days
        if new_days:
            warehouse.ensure_raw_days(settings, sorted(new_days))
            days |= new_days
        warehouse.copy(cursor, "raw", "bars", table.filter(pc.invert(is_bad)).select(_RAW))
        fault_points.reach("mid_copy")
        warehouse.copy(cursor, "ops", "dead_letters", table.filter(is_bad).select(DEAD_LETTERS))
        kept.append(table.select(_KEPT))
    return pa.concat_tables(kept) if kept else ROWS.empty_table().select(_KEPT)


def _merge(
    cursor: adbc.Cursor,
    messages: pa.Table,
    indicators: pa.Table | None,
    filled: Sequence[OffsetRange],
    settings: LoadSettings,
) -> list[RangeCount]:
    bars = messages.filter(pc.is_null(messages["reason"]))
    is_contested = contested_bars(bars, _existing_bars(cursor, bars))
    fresh, contested = bars.filter(pc.invert(is_contested)), bars.filter(is_contested)
    warehouse.copy(cursor, "market", "bars_1m", _with_numbers(fresh).select(_BAR))
    revised = _merge_contested(cursor, contested, filled)
    if indicators is not None:
        _write_indicators(cursor, indicators, fresh)
    applied = [within(fresh, each, filled).num_rows + revised.get((each.topic, each.partition), 0) for each in filled]
    counts = count_ranges(messages, applied, filled)
    # A correction is as late as it is, and says nothing of how we are.
    live = fresh.filter(pc.equal(fresh["topic"], settings.live_topic))
    live = live_messages(live, pc.add(live["ts"], _MINUTE), ("source", "symbol"), BARS_ARE_LIVE_FOR)
    return with_slowest(counts, live, filled)


def _existing_bars(cursor: adbc.Cursor, bars: pa.Table) -> pa.Table:
    cursor.adbc_ingest("islands", find_islands(bars.to_batches()), mode="create", temporary=True)
    cursor.execute(warehouse.sql_text("market/bars_1m/read_existing_keys.sql"))
    return cursor.fetch_arrow_table().cast(bars.select(_KEY).schema)


def _with_numbers(bars: pa.Table) -> pa.Table:
    for name, number in NUMBERS.items():
        bars = bars.set_column(bars.schema.get_field_index(name), name, bars[name].cast(number))
    return bars


def _merge_contested(
    cursor: adbc.Cursor, contested: pa.Table, filled: Sequence[OffsetRange]
) -> dict[tuple[str, int], int]:
    """Merges bars that are known or occur more than once; returns how many messages of each range became versions."""
    if not contested.num_rows:
        return {}
    cursor.execute("CREATE TEMP TABLE contested (LIKE market.bars_1m, range_number integer) ON COMMIT DROP")
    for number, each in enumerate(filled):
        rows = _with_numbers(within(contested, each, filled).select(_BAR))
        warehouse.copy(
            cursor,
            None,
            "contested",
            rows.append_column("range_number", pa.repeat(pa.scalar(number, pa.int32()), rows.num_rows)),
        )
    cursor.execute("ANALYZE contested")
    applied = warehouse.fetch(cursor, warehouse.sql_text("market/bars_1m/merge_contested.sql"))
    return {(filled[number].topic, filled[number].partition): count for number, count in applied}


def _write_indicators(cursor: adbc.Cursor, indicators: pa.Table, fresh: pa.Table) -> None:
    """Adds the indicators of new bars and merges those of all other affected bars."""
    is_new = bars_among(indicators, fresh)
    warehouse.copy(cursor, "analytics", "indicators_1m", indicators.filter(is_new))
    merge_indicators(cursor, indicators.filter(pc.invert(is_new)))


def merge_indicators(cursor: adbc.Cursor, recomputed: pa.Table) -> None:
    """Writes indicators of bars that may have some; rows that do not change are left alone.

    Args:
        cursor: Of the transaction to write in.
        recomputed: KEY and INDICATORS of `transforms.bars`.
    """
    if recomputed.num_rows:
        cursor.execute("CREATE TEMP TABLE recomputed (LIKE analytics.indicators_1m) ON COMMIT DROP")
        warehouse.copy(cursor, None, "recomputed", recomputed)
        cursor.execute("ANALYZE recomputed")
        cursor.execute(warehouse.sql_text("analytics/indicators_1m/delete_changed.sql"))
        cursor.execute(warehouse.sql_text("analytics/indicators_1m/insert_recomputed.sql"))
