"""Batch after batch of a dataset: planned from the ledger, recorded in `ops.batches`, measured."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from marketpulse_spark import broker, fault_points, ledger
from marketpulse_spark.code_version import code_version, dag_id
from marketpulse_spark.ledger import Plan
from marketpulse_spark.metrics import LoadMetrics
from marketpulse_spark.ranges import RangeCount
from marketpulse_spark.settings import DatasetSettings
from marketpulse_spark.warehouse import Control

_LOG = logging.getLogger("marketpulse.load")


@dataclass(frozen=True)
class Batches:
    """The batches of one run.

    Attributes:
        control: Holds the dataset's lock.
        metrics: Where figures go.
        settings: The dataset's.
        submitted_at: When the process was started, in seconds since 1970.
    """

    control: Control
    metrics: LoadMetrics
    settings: DatasetSettings
    submitted_at: float

    def next_plan(self, limit: int) -> Plan | None:
        """Plans the next batch of at most so many messages; None when Kafka holds no more.

        Raises:
            LoadRefused: Kafka no longer holds what the ledger counts on.
        """
        topics = broker.read_topics(self.settings.kafka_bootstrap, self.settings.topics)
        rows = self.control.ledger(self.settings.topics)
        ledger.check(rows, topics)
        new = ledger.missing_rows(rows, topics)
        self.control.add_to_ledger(new)
        plan = ledger.plan([*rows, *new], topics, limit)
        self.metrics.backlog(plan.messages + plan.behind)
        return plan if plan.messages else None

    def load(self, writer: str, write: Callable[[int], list[RangeCount]]) -> list[RangeCount]:
        """Has one batch written, and records how it ended.

        Args:
            writer: Who writes it: driver or executors.
            write: Reads, computes and commits the batch of this id; returns a count for each range it committed.
        """
        batch_id = self.control.open_batch(writer, self.submitted_at, dag_id(), code_version())
        try:
            fault_points.reach("before_read")
            counts = write(batch_id)
        except Exception as error:
            self.control.close_batch(batch_id, error=f"{type(error).__name__}: {error}"[:2000])
            raise
        self.control.close_batch(batch_id)
        self.metrics.batch(counts, time.time() - self.submitted_at)
        self.metrics.hops(self.control.hops(batch_id))
        _LOG.info("batch %s: %s", batch_id, json.dumps([asdict(count) for count in counts], default=str))
        return counts
