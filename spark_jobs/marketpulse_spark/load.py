"""Loads bar messages batch by batch until Kafka holds no more of them."""

from __future__ import annotations

import contextlib
import json
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

import pyarrow as pa
from pyspark.sql import Row, SparkSession

from marketpulse_spark import broker, fault_points, ledger
from marketpulse_spark.errors import KeyElsewhere, RangeIncomplete
from marketpulse_spark.kafka_source import read_messages
from marketpulse_spark.ledger import OffsetRange, Plan
from marketpulse_spark.metrics import LoadMetrics
from marketpulse_spark.neighbours import with_neighbours
from marketpulse_spark.parsing import parse_messages
from marketpulse_spark.partitioning import at_home
from marketpulse_spark.schemas import ROWS, ROWS_DDL
from marketpulse_spark.settings import LoadSettings
from marketpulse_spark.transforms.bars import SERIES, with_indicators
from marketpulse_spark.transforms.indicators import REACH
from marketpulse_spark.warehouse import Control
from marketpulse_spark.writer import RangeCount, write_ranges

_LOG = logging.getLogger("marketpulse.load")
#: Messages of a batch that the driver loads because the executors could not.
_ONE_BY_ONE = 10_000


def load(settings: LoadSettings, submitted_at: float, session: Callable[[], SparkSession]) -> None:
    """Loads all that Kafka holds beyond the ledger.

    Args:
        settings: See there.
        submitted_at: When the process was started, in seconds since 1970: metrics count from there.
        session: Gives the Spark session; called when there is something to load.

    Raises:
        DatasetLocked, LedgerMoved, LoadRefused, RangeIncomplete: see `errors`. What was committed before stays.
    """
    with contextlib.closing(LoadMetrics()) as metrics, Control(settings) as control:
        symbols = control.symbols()
        limit, driver_messages = settings.max_messages_per_batch, settings.driver_messages
        while True:
            plan = _plan(control, settings, limit)
            metrics.backlog(plan.messages + plan.behind)
            if not plan.messages:
                break
            small = plan.messages <= driver_messages
            if not _load_batch(plan, small, symbols, control, session, settings, submitted_at, metrics):
                # One transaction after the other writes what parallel ones must not.
                limit = driver_messages = min(limit, max(driver_messages, _ONE_BY_ONE))
        metrics.freshness(control.freshness())
    fault_points.reach("before_exit")


def _plan(control: Control, settings: LoadSettings, limit: int) -> Plan:
    topics = broker.read_topics(settings.kafka_bootstrap, settings.topics)
    rows = control.ledger(settings.topics)
    ledger.check(rows, topics)
    new = ledger.missing_rows(rows, topics)
    control.add_to_ledger(new)
    return ledger.plan([*rows, *new], topics, limit)


def _load_batch(
    plan: Plan,
    small: bool,
    symbols: frozenset[str],
    control: Control,
    session: Callable[[], SparkSession],
    settings: LoadSettings,
    submitted_at: float,
    metrics: LoadMetrics,
) -> bool:
    """Loads one batch; returns false when ranges were left that the driver has to load."""
    batch_id = control.open_batch("driver" if small else "executors", submitted_at)
    try:
        fault_points.reach("before_read")
        write = _by_driver if small else _by_executors
        counts = write(session(), plan, symbols, batch_id, settings)
    except Exception as error:
        control.close_batch(batch_id, error=f"{type(error).__name__}: {error}"[:2000])
        raise
    control.close_batch(batch_id)
    seconds = time.time() - submitted_at
    metrics.batch(counts, seconds)
    _LOG.info("batch %s: %s", batch_id, json.dumps([asdict(count) for count in counts], default=str))
    return small or len(counts) == sum(1 for each in plan.ranges if len(each))


def _by_driver(
    spark: SparkSession, plan: Plan, symbols: frozenset[str], batch_id: int, settings: LoadSettings
) -> list[RangeCount]:
    """Commits all ranges in one transaction, without starting a Python worker."""
    messages = read_messages(spark, plan.ranges, settings).toArrow()
    rows: Iterator[pa.RecordBatch] = parse_messages(messages.to_batches(), symbols)
    if settings.with_indicators:
        observed = pa.Table.from_batches(with_neighbours(rows, settings, REACH), ROWS)
        rows = iter(computed_in_driver(spark, observed).to_batches())
    return write_ranges(rows, plan.ranges, batch_id, settings)


def computed_in_driver(spark: SparkSession, rows: pa.Table) -> pa.Table:
    """Runs the transform over rows that the driver holds, in one Spark partition."""
    return with_indicators(spark.createDataFrame(rows, ROWS_DDL).coalesce(1)).toArrow()


def _by_executors(
    spark: SparkSession, plan: Plan, symbols: frozenset[str], batch_id: int, settings: LoadSettings
) -> list[RangeCount]:
    """Commits each Kafka partition in a task of its own: its ranges of all topics in one transaction.

    The tasks do not see one another's bars, so a partition with a symbol that belongs to another one (after
    partitions were added, older messages wait in the old one) is left to the driver.
    """

    def parse(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return parse_messages(batches, symbols)

    def parse_with_neighbours(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        return with_neighbours(parse(batches), settings, REACH)

    write = _writer(plan, batch_id, settings)
    messages = read_messages(spark, plan.ranges, settings)
    partitions = 1 + max(each.partition for each in plan.ranges)
    if settings.with_indicators:
        rows = messages.mapInArrow(parse_with_neighbours, ROWS_DDL).repartitionById(partitions, "partition")
        written = with_indicators(rows, ("partition", *SERIES)).mapInArrow(write, _COUNTS_DDL).collect()
    else:
        by_partition = messages.repartitionById(partitions, "partition") if plan.shares_partitions else messages
        written = by_partition.mapInArrow(lambda batches: write(parse(batches)), _COUNTS_DDL).collect()
    return [_count(row) for row in written]


def _count(row: Row) -> RangeCount:
    place = OffsetRange(row.topic, row.partition, row.start, row.end)
    return RangeCount(place, row.messages, row.dead_letters, row.duplicates, row.applied, row.newest_bar)


_COUNTS = pa.schema(
    [
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("messages", pa.int64()),
        ("dead_letters", pa.int64()),
        ("duplicates", pa.int64()),
        ("applied", pa.int64()),
        ("newest_bar", pa.timestamp("us", tz="UTC")),
    ]
)
_COUNTS_DDL = (
    "topic string, partition int, start bigint, end bigint,"
    " messages bigint, dead_letters bigint, duplicates bigint, applied bigint, newest_bar timestamp"
)


def _writer(
    plan: Plan, batch_id: int, settings: LoadSettings
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    partitions = len({each.partition for each in plan.ranges})

    def write(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        first = next((batch for batch in batches if batch.num_rows), None)
        if first is None:
            return
        partition = first.column("partition")[0].as_py()
        rows = at_home(_chain(first, batches), partitions)
        try:
            counts = write_ranges(rows, plan.of_partition(partition), batch_id, settings)
        except (KeyElsewhere, RangeIncomplete) as error:
            _LOG.warning("The driver loads this partition by itself: %s", error)
            return
        yield pa.RecordBatch.from_pylist(
            [vars(count.range) | {k: v for k, v in vars(count).items() if k != "range"} for count in counts],
            schema=_COUNTS,
        )

    return write


def _chain(first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    yield first
    yield from rest
