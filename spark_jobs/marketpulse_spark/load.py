"""Loads bars and corporate actions batch by batch until Kafka holds no more of them."""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
from pyspark import TaskContext
from pyspark.sql import Row, SparkSession

from marketpulse_spark import fault_points
from marketpulse_spark.action_contract import parse_actions
from marketpulse_spark.batches import Batches
from marketpulse_spark.errors import KeyElsewhere, RangeIncomplete
from marketpulse_spark.kafka_source import read_messages
from marketpulse_spark.ledger import OffsetRange, Plan
from marketpulse_spark.metrics import LoadMetrics
from marketpulse_spark.neighbours import observe
from marketpulse_spark.parsing import parse_messages
from marketpulse_spark.partitioning import at_home, check_home
from marketpulse_spark.ranges import RangeCount
from marketpulse_spark.schemas import OBSERVATIONS, OBSERVATIONS_DDL
from marketpulse_spark.session import compile_expressions
from marketpulse_spark.settings import LoadSettings
from marketpulse_spark.transforms.bars import WINDOWED, affected_indicators
from marketpulse_spark.transforms.indicators import REACH
from marketpulse_spark.warehouse import Control
from marketpulse_spark.writer import write_ranges

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
    with contextlib.closing(LoadMetrics(settings.dataset)) as metrics, Control(settings) as control:
        symbols = control.symbols()
        batches = Batches(control, metrics, settings, submitted_at)
        limit, driver_messages = settings.max_messages_per_batch, settings.driver_messages
        history_waited = False
        while plan := batches.next_plan(limit):
            # What is live does not wait for history; but only every second batch, so that history comes in, too.
            batch = plan if history_waited else plan.ahead_of(settings.backfill_topic, driver_messages)
            history_waited = batch != plan
            small = batch.messages <= driver_messages
            writer, write = ("driver", _by_driver) if small else ("executors", _by_executors)
            counts = batches.load(writer, functools.partial(write, session, batch, symbols, settings))
            if not small and len(counts) < sum(1 for each in batch.ranges if len(each)):
                # One transaction after the other writes what parallel ones must not.
                limit = driver_messages = min(limit, max(driver_messages, _ONE_BY_ONE))
        metrics.newest_bars(control.newest_bars())
    fault_points.reach("before_exit")


def _read_actions(ranges: Sequence[OffsetRange], settings: LoadSettings, symbols: frozenset[str]) -> pa.Table:
    of_actions = [each for each in ranges if each.topic == settings.actions_topic]
    return parse_actions(read_messages(of_actions, settings), symbols)


def _read_bars(
    ranges: Sequence[OffsetRange], settings: LoadSettings, symbols: frozenset[str]
) -> Iterator[pa.RecordBatch]:
    of_bars = [each for each in ranges if each.topic != settings.actions_topic]
    return parse_messages(read_messages(of_bars, settings), symbols)


def _by_driver(
    session: Callable[[], SparkSession], plan: Plan, symbols: frozenset[str], settings: LoadSettings, batch_id: int
) -> list[RangeCount]:
    """Commits all ranges in one transaction, without starting a Python worker."""
    actions = _read_actions(plan.ranges, settings, symbols)
    rows = list(_read_bars(plan.ranges, settings, symbols))
    indicators = None
    if settings.with_indicators:
        observed = pa.Table.from_batches(observe(rows, actions, settings, REACH), OBSERVATIONS)
        indicators = computed_in_driver(session(), observed)
    return write_ranges(rows, actions, indicators, plan.ranges, batch_id, settings)


def computed_in_driver(spark: SparkSession, observed: pa.Table) -> pa.Table:
    """Runs the transform over observations that the driver holds, in one Spark partition."""
    return affected_indicators(spark.createDataFrame(observed, OBSERVATIONS_DDL).coalesce(1)).toArrow()


def _by_executors(
    session: Callable[[], SparkSession], plan: Plan, symbols: frozenset[str], settings: LoadSettings, batch_id: int
) -> list[RangeCount]:
    """Commits each Kafka partition in a task of its own: its ranges of all topics in one transaction.

    A message is read once for the indicators and once for the tables: reading it again costs less than carrying it
    through Spark's windows. The tasks do not see one another's bars, so a partition with a symbol that belongs to
    another one (after partitions were added, older messages wait in the old one) is left to the driver.
    """

    def observe_partition(tasks: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Read to its end, though it says nothing: Spark ends a worker that leaves input behind, and starts another.
        list(tasks)
        ranges = plan.of_partition(_task_partition())
        actions = _read_actions(ranges, settings, symbols)
        return observe(_read_bars(ranges, settings, symbols), actions, settings, REACH)

    def write_partition(computed: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # All of it before the transaction begins, which is the shorter for it.
        batches = list(computed)
        ranges = plan.of_partition(_task_partition())
        if not any(map(len, ranges)):
            return
        indicators = pa.Table.from_batches(batches) if settings.with_indicators and batches else None
        actions = _read_actions(ranges, settings, symbols)
        rows = at_home(_read_bars(ranges, settings, symbols), partitions)
        try:
            check_home(actions, partitions)
            counts = write_ranges(rows, actions, indicators, ranges, batch_id, settings)
        except (KeyElsewhere, RangeIncomplete) as error:
            _LOG.warning("The driver loads this partition by itself: %s", error)
            return
        yield pa.RecordBatch.from_pylist(
            [vars(count.range) | {k: v for k, v in vars(count).items() if k != "range"} for count in counts],
            schema=_COUNTS,
        )

    partitions = 1 + max(each.partition for each in plan.ranges)
    spark = session()
    compile_expressions(spark)
    tasks = spark.range(0, partitions, 1, partitions)
    if settings.with_indicators:
        observed = tasks.mapInArrow(observe_partition, OBSERVATIONS_DDL).repartitionById(partitions, "partition")
        to_write = affected_indicators(observed, ("partition", *WINDOWED))
    else:
        to_write = tasks
    return [_count(row) for row in to_write.mapInArrow(write_partition, _COUNTS_DDL).collect()]


def _task_partition() -> int:
    """The Kafka partition that a task is for: Spark's partitions are numbered like Kafka's."""
    context = TaskContext.get()
    if context is None:
        raise RuntimeError("there is no Spark task here")
    return context.partitionId()


def _count(row: Row) -> RangeCount:
    place = OffsetRange(row.topic, row.partition, row.start, row.end)
    return RangeCount(place, *row[len(vars(place)) :])


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
        ("slowest_at", pa.timestamp("us", tz="UTC")),
        ("slowest_fetched_at", pa.timestamp("us", tz="UTC")),
        ("slowest_kafka_ts", pa.timestamp("us", tz="UTC")),
    ]
)
_COUNTS_DDL = (
    "topic string, partition int, start bigint, end bigint,"
    " messages bigint, dead_letters bigint, duplicates bigint, applied bigint, newest_bar timestamp,"
    " slowest_at timestamp, slowest_fetched_at timestamp, slowest_kafka_ts timestamp"
)
