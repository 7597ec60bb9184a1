"""Import a CSV file of bars: publish it to Kafka, have it loaded, wait until it is.

Bad lines are refused with their number and reason; the rest goes in. Exit status: 0 when every good line is loaded,
refused lines or not; 1 when there was no good line, or publishing or loading failed or took too long; 2 for wrong
arguments. Importing a file again is harmless: bars that are already known change nothing.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
import structlog

from marketpulse.bars import BACKFILL_TOPIC
from marketpulse.config import INSTRUMENTS_FILE, SOURCES_FILE, ConfigError, load_instruments, load_sources
from marketpulse.csv_bars import RefusedLine, UnusableFile, read_bars
from marketpulse.errors import MarketPulseError
from marketpulse.warehouse import connect, sql

# Airflow takes seconds to import: a wrong argument is answered before.
if TYPE_CHECKING:
    from marketpulse.airflow_api import AirflowApi
    from marketpulse.publishing import Published

DEFAULT_SOURCE = "import"
LOAD_DAG = "load_bars"
REFUSED_SHOWN = 20
WAIT_SECONDS = 900
LOOK_EVERY_SECONDS = 1.0
SAY_EVERY_SECONDS = 10.0
RUN_ID_LENGTH = 250


class NotLoaded(MarketPulseError):
    """The bars are in Kafka and not yet in PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Import:
    """What to import.

    Attributes:
        path: The file.
        source: The source that the bars are stored under.
        symbol: The instrument, where the file has no such column.
        zone: The zone of times without an offset.
        wait_seconds: How long to wait for the loader.
    """

    path: Path
    source: str
    symbol: str | None
    zone: ZoneInfo | None
    wait_seconds: float

    @property
    def run_id(self) -> str:
        """What the messages name as their origin."""
        return f"import:{self.path.name}"[:RUN_ID_LENGTH]


def parse_args(argv: Sequence[str]) -> Import:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="marketpulse.import_bars", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="CSV, plain or gzipped: symbol, ts_utc (or time), open, high, low, ...")
    parser.add_argument("--symbol", help="the instrument, where the file has no column symbol")
    parser.add_argument("--source", default=DEFAULT_SOURCE, help=f"a source of {SOURCES_FILE} (default: %(default)s)")
    parser.add_argument("--tz", type=_zone, help="zone of times without an offset, such as America/New_York")
    parser.add_argument("--wait", type=float, default=WAIT_SECONDS, help="seconds to wait for the load (%(default)s)")
    arguments = parser.parse_args(argv)
    return Import(arguments.file, arguments.source, arguments.symbol or None, arguments.tz, arguments.wait)


def main(argv: Sequence[str]) -> int:
    """Import a file; returns the exit status."""
    # Airflow's and the client libraries' own notes would break up what the user reads.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    logging.disable(logging.WARNING)
    try:
        _import(parse_args(argv))
    except (MarketPulseError, psycopg.OperationalError) as error:
        sys.stderr.write(f"import-bars: {error}\n")
        return 1
    return 0


def publish_file(job: Import, now: datetime) -> tuple[Published, list[RefusedLine]]:
    """Publish the good lines of a file.

    Args:
        job: What to import.
        now: Aware, UTC; one time for the whole import.

    Returns:
        What Kafka has, and every refused line.

    Raises:
        ConfigError: The source or the symbol is not known.
        UnusableFile: The file as a whole cannot be read; what was published before says the message.
        NotAcknowledged: Kafka did not take every message.
    """
    instruments = load_instruments()
    if job.source not in load_sources(instruments):
        raise ConfigError(SOURCES_FILE, "sources", f"no source named {job.source}", "add it there, or name another")
    if job.symbol and job.symbol not in instruments:
        raise ConfigError(INSTRUMENTS_FILE, "instruments", f"no symbol {job.symbol}", "add it there, or name another")
    from marketpulse.publishing import BarPublisher

    publisher = BarPublisher(BACKFILL_TOPIC, job.run_id)
    refused: list[RefusedLine] = []
    bars = read_bars(
        job.path,
        source=job.source,
        symbol=job.symbol,
        zone=job.zone,
        known_symbols=instruments.keys(),
        now=now,
        refuse=refused.append,
    )
    try:
        publisher.send(bars, now)
    except UnusableFile as error:
        published = publisher.finish().messages
        note = f" The {published:,} good bars before that are published." if published else ""
        raise UnusableFile(f"{error}{note}") from error
    return publisher.finish(), refused


def wait_until_loaded(
    published: Published, connection: psycopg.Connection, api: AirflowApi | None, load_run: str | None, seconds: float
) -> None:
    """Wait until the ledger covers what was published.

    Raises:
        NotLoaded: The load failed, or the time is over.
    """
    started = said = time.monotonic()
    while True:
        ledger: dict[int, int] = dict(
            connection.execute(sql("ops/kafka_offsets/read.sql"), {"topic": BACKFILL_TOPIC}).fetchall()
        )
        left = sum(max(0, last + 1 - ledger.get(part, 0)) for part, (_, last) in published.offsets.items())
        if not left:
            return
        waited = time.monotonic() - started
        if waited > seconds:
            raise NotLoaded(
                f"{left:,} offsets are not loaded after {waited:.0f} s. Next: look at the newest run of {LOAD_DAG} in "
                "Airflow; the bars are safe in Kafka and its next run loads them."
            )
        if time.monotonic() - said > SAY_EVERY_SECONDS:
            said = time.monotonic()
            _say(f"  waiting for {LOAD_DAG}: {left:,} offsets left, {waited:.0f} s")
        if api and load_run and api.run_state(LOAD_DAG, load_run) == "failed":
            raise NotLoaded(
                f"run {load_run} of {LOAD_DAG} failed. Next: read its log in Airflow; the bars are safe in Kafka and "
                "its next run loads them."
            )
        time.sleep(LOOK_EVERY_SECONDS)


def _import(job: Import) -> None:
    now = datetime.now(UTC)
    started = time.monotonic()
    published, refused = publish_file(job, now)
    for line in refused[:REFUSED_SHOWN]:
        _say(f"  line {line.number}: {line.reason}")
    if len(refused) > REFUSED_SHOWN:
        _say(f"  ... and {len(refused) - REFUSED_SHOWN:,} more")
    if refused:
        _say(f"{len(refused):,} lines refused")
    if not published.messages:
        raise UnusableFile(f"{job.path}: no line could be imported. Next: see the reasons above.")
    _say(f"{published.messages:,} bars published to {BACKFILL_TOPIC} in {time.monotonic() - started:.1f} s")
    with connect(statement_seconds=30, lock_seconds=10) as connection:
        api, load_run = _ask_for_load(job)
        wait_until_loaded(published, connection, api, load_run, job.wait_seconds)
        accepted = sum(
            count
            for partition, (first, last) in published.offsets.items()
            for (count,) in connection.execute(
                sql("raw/bars/count_run.sql"),
                {
                    "topic": BACKFILL_TOPIC,
                    "partition": partition,
                    "run_id": job.run_id,
                    "first": first,
                    "last": last,
                },
            )
        )
    _say(f"{accepted:,} bars loaded as source {job.source} in {time.monotonic() - started:.1f} s")
    if accepted < published.messages:
        raise NotLoaded(
            f"{published.messages - accepted:,} of them became dead letters. Next: `make psql` and look at "
            "ops.dead_letters for the reasons."
        )


def _ask_for_load(job: Import) -> tuple[AirflowApi | None, str | None]:
    from marketpulse.airflow_api import AirflowApi, AirflowUnreachable

    try:
        api = AirflowApi()
        return api, api.trigger(LOAD_DAG, job.run_id)
    except AirflowUnreachable as error:
        _say(f"  Airflow could not be asked ({error}); its own sweep loads the bars within 15 minutes")
        return None, None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise argparse.ArgumentTypeError(f"no time zone {name!r}; use a name such as America/New_York") from None


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
