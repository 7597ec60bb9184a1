"""What a load needs to know, from its arguments and the environment."""

from __future__ import annotations

import datetime as dt
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

LIVE_TOPIC = "market.bars.v1"
BACKFILL_TOPIC = "market.bars.backfill.v1"
ACTIONS_TOPIC = "market.actions.v1"
NEWS_TOPIC = "market.news.v1"


class WarehouseSettings(Protocol):
    """What connections to the warehouse, the lock of a dataset and the record of batches need to know of a run."""

    @property
    def run_id(self) -> str:
        """Who asked for it; the Airflow run id."""

    @property
    def warehouse_dsn(self) -> str:
        """Libpq URI of the loader role; the password comes from PGPASSFILE."""

    @property
    def lock_seconds(self) -> int:
        """How long to wait for another run, or for a row it holds."""

    @property
    def dataset(self) -> str:
        """Name of the lock and of the rows in `ops.batches`."""

    @property
    def application_name(self) -> str:
        """What PostgreSQL shows for every connection of this process and of its tasks."""


@dataclass(frozen=True)
class DatasetSettings(ABC):
    """Settings of one run of a loader, whichever dataset it loads.

    Attributes:
        run_id: Who asked for the load, for `ops.batches`; the Airflow run id.
        warehouse_dsn: libpq URI of the loader role; the password comes from PGPASSFILE.
        kafka_bootstrap: host:port of the broker.
        max_messages_per_batch: A batch takes at most this many messages over all partitions.
        lock_seconds: How long to wait for another loader, or for a row it holds.
        loader_id: Tells this run's connections from those of every other, on whatever machine.
    """

    run_id: str
    warehouse_dsn: str
    kafka_bootstrap: str
    max_messages_per_batch: int = 1_000_000
    lock_seconds: int = 30
    loader_id: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}")

    @property
    @abstractmethod
    def dataset(self) -> str:
        """Name of the lock and of the rows in `ops.batches`."""

    @property
    @abstractmethod
    def topics(self) -> tuple[str, ...]:
        """What is loaded; a batch is filled in this order."""

    @property
    def application_name(self) -> str:
        """What PostgreSQL shows for every connection of this process and of its tasks."""
        return f"load_{self.dataset}:{self.loader_id}"


@dataclass(frozen=True)
class LoadSettings(DatasetSettings):
    """Settings of one run of `load_bars`.

    Attributes:
        driver_messages: A batch up to this size is written by the driver in one transaction.
        with_indicators: False loads raw and market only; `make bench` compares the two.
    """

    driver_messages: int = 10_000
    with_indicators: bool = True
    live_topic: str = LIVE_TOPIC
    backfill_topic: str = BACKFILL_TOPIC
    actions_topic: str = ACTIONS_TOPIC

    @property
    def dataset(self) -> str:
        """Name of the lock and of the rows in `ops.batches`."""
        return "bars"

    @property
    def topics(self) -> tuple[str, str, str]:
        """Actions, of which there are few, before live before backfill: a batch is filled in this order."""
        return (self.actions_topic, self.live_topic, self.backfill_topic)


@dataclass(frozen=True)
class NewsSettings(DatasetSettings):
    """Settings of one run of `load_news`, whose batches are all small enough for one transaction of the driver."""

    max_messages_per_batch: int = 1_000
    news_topic: str = NEWS_TOPIC

    @property
    def dataset(self) -> str:
        """Name of the lock and of the rows in `ops.batches`."""
        return "news"

    @property
    def topics(self) -> tuple[str]:
        """The one topic."""
        return (self.news_topic,)


@dataclass(frozen=True)
class BuildSettings:
    """Settings of one run of `build_daily`.

    Attributes:
        run_id: Who asked for the build, for `ops.daily_builds`; the Airflow run id.
        session: What is built, by the names that exchanges give their sessions.
        warehouse_dsn: libpq URI of the loader role; the password comes from PGPASSFILE.
        lock_seconds: How long to wait for another build, or for a row it holds.
        builder_id: Tells this run's connections from those of every other, on whatever machine.
    """

    run_id: str
    session: dt.date
    warehouse_dsn: str
    lock_seconds: int = 30
    builder_id: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}")

    @property
    def dataset(self) -> str:
        """Name of the lock."""
        return "daily"

    @property
    def application_name(self) -> str:
        """What PostgreSQL shows for every connection of this process."""
        return f"build_daily:{self.builder_id}"


@dataclass(frozen=True)
class DetectSettings:
    """Settings of one run of `detect_anomalies`.

    Attributes:
        run_id: Who asked for it, for `ops.detections`; the Airflow run id.
        session: Which session of every series is looked at, by the name that its exchange gives it; None: all of which
            something was loaded since the last run.
        warehouse_dsn: libpq URI of the loader role; the password comes from PGPASSFILE.
        sessions_at_once: A transaction writes so many sessions of a series at the most.
        lock_seconds: How long to wait for another detection, or for a row it holds.
        detector_id: Tells this run's connections from those of every other, on whatever machine.
    """

    run_id: str
    session: dt.date | None
    warehouse_dsn: str
    sessions_at_once: int = 250
    lock_seconds: int = 30
    detector_id: str = field(default_factory=lambda: f"{os.getpid()}-{secrets.token_hex(4)}")

    @property
    def dataset(self) -> str:
        """Name of the lock."""
        return "anomalies"

    @property
    def application_name(self) -> str:
        """What PostgreSQL shows for every connection of this process."""
        return f"detect_anomalies:{self.detector_id}"


def required(environment: Mapping[str, str], name: str) -> str:
    """Returns a variable of the environment.

    Raises:
        SystemExit: It is not set; the message says who sets it.
    """
    value = environment.get(name, "")
    if not value:
        raise SystemExit(f"{name} is not set: run this through `make up` or source $MARKETPULSE_HOME/env")
    return value
