"""Days on which nothing goes wrong, minute by minute: what is polled, loaded, run and told, by the pipeline's own code.

Which market is open, who is due, which bars are new, when a DAG runs and what is missing is all decided by the code
and the SQL that decide it every day; the metrics are sent by the clients that send them. What a healthy machine would
have said (a vendor's answers, the time that things took, heartbeats) is made up here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from airflow.sdk import DAG
from airflow.sdk._shared.observability.metrics import stats
from croniter import croniter  # type: ignore[import-untyped]
from marketpulse import completeness, ingest, metrics
from marketpulse.bars import INTERVAL, Bar
from marketpulse.calendars import ALWAYS_OPEN
from marketpulse.config import Instrument, SourceSettings
from marketpulse.news_watermarks import NewsWatermark, advance
from marketpulse.publishing import BarPublisher, Published
from marketpulse.sessions import load_sessions
from marketpulse.sources.protocol import FetchedBars, FetchedNews
from marketpulse.watermarks import Watermark
from marketpulse_spark.ledger import OffsetRange
from marketpulse_spark.metrics import LoadMetrics
from marketpulse_spark.ranges import RangeCount

from tests.integration.plugins.moved_clock import Clock

MINUTE = timedelta(minutes=1)
#: When a poll tells of its markets, after the full minute.
POLL_AFTER = timedelta(seconds=2)
SERVICES = ("postgres", "kafka", "airflow-api-server", "airflow-scheduler", "airflow-triggerer", "simulator")
HOPS = {"fetched": 3.0, "kafka": 0.02, "spark": 2.5, "commit": 6.0, "visible": 0.01, "total": 11.53}
#: Of the DAGs that take longer than a few seconds.
RUN_SECONDS = {"load_bars": 10.0, "load_news": 12.0, "detect_anomalies": 30.0, "build_daily_analytics": 240.0}


class _Accepted(BarPublisher):
    """Stands in for Kafka, which has no days: keeps what was published."""

    def __init__(self) -> None:
        self.bars: list[Bar] = []

    def send(self, bars: Iterable[Bar], fetched_at: datetime) -> None:
        self.bars += bars

    def finish(self) -> Published:
        return Published(len(self.bars))


class QuietDays:
    """The pipeline of one source, which brings every bar in its minute.

    Args:
        settings: The source.
        instruments: All that are configured.
        dags: All DAGs.
        warehouse: A connection of the loader, to a PostgreSQL whose clock is `clock`.
        owner: A connection that may write bars.
        start: The first minute; aware, UTC.
    """

    def __init__(
        self,
        settings: SourceSettings,
        instruments: Mapping[str, Instrument],
        dags: Iterable[DAG],
        warehouse: psycopg.Connection,
        owner: psycopg.Connection,
        clock: Clock,
        start: datetime,
    ) -> None:
        self._settings = settings
        self._instruments = instruments
        self._warehouse = warehouse
        self._owner = owner
        self._clock = clock
        self._start = start
        calendars = {instruments[symbol].calendar for symbol in settings.symbols} - {ALWAYS_OPEN}
        self._sessions = {calendar: load_sessions(calendar, start) for calendar in calendars}
        self._known: dict[str, Watermark] = {}
        self._published: list[Bar] = []
        self._newest: dict[str, datetime] = {}
        self._unsaved: list[Bar] = []
        self._news: NewsWatermark | None = None
        self._of_bars, self._of_news = LoadMetrics("bars"), LoadMetrics("news")
        self._next_runs = {dag.dag_id: _runs_of(dag, start) for dag in dags}
        self._due_runs = {dag_id: next(runs) for dag_id, runs in self._next_runs.items()}

    def close(self) -> None:
        """Closes what the loads sent with."""
        self._of_bars.close()
        self._of_news.close()

    def pass_minute(self, now: datetime) -> None:
        """What is sent from the load of the minute before until just before that of this one.

        Args:
            now: A full minute; aware, UTC.
        """
        self._load()
        self._clock.set((now + POLL_AFTER).replace(tzinfo=None).isoformat())
        self._poll(now + POLL_AFTER)
        for dag_id, due in self._due_runs.items():
            if due <= now:
                self._due_runs[dag_id] = next(self._next_runs[dag_id])
                self._run(dag_id, now)
        self._send_heartbeats()

    def _poll(self, now: datetime) -> None:
        name = self._settings.name
        ingest._tell_markets(name, ingest._open_since(self._warehouse, self._settings, self._instruments))
        due = ingest._due(self._settings, self._instruments, self._known, now)
        result = ingest.PollResult(asked=[instrument.symbol for instrument in due])
        accepted = _Accepted()
        poll = ingest._Poll(self._settings, accepted, self._known, result)
        for instrument in due:
            self._answer_of_vendor("vendor_requests")
            poll._take(instrument.symbol, self._known.get(instrument.symbol), self._answer(instrument, now))
        result.published = accepted.finish().messages
        poll._send_metrics()
        self._known |= poll._advanced
        for symbol, asked_at in poll._unchanged.items():
            self._known[symbol] = replace(self._known[symbol], asked_at=asked_at)
        self._published = accepted.bars
        if accepted.bars:
            _send_run("load_bars", "asset_triggered")

    def _answer_of_vendor(self, requests: str) -> None:
        metrics.count(requests, 1, source=self._settings.name, outcome="ok")
        metrics.timing("vendor_request_duration", 0.08, source=self._settings.name)

    def _answer(self, instrument: Instrument, now: datetime) -> FetchedBars:
        """The newest bars of a market that trades in every minute of its hours, and says what the hour was."""
        ended = now.replace(second=0, microsecond=0)
        starts = [ended - back * MINUTE for back in range(3, 0, -1)]
        values = {"open": "1", "high": "1", "low": "1", "close": "1", "volume": "1"}
        bars = [
            Bar(self._settings.name, instrument.symbol, INTERVAL, start, **values)
            for start in starts
            if self._trades(instrument, start)
        ]
        return FetchedBars(bars, now + timedelta(seconds=1))

    def _trades(self, instrument: Instrument, at: datetime) -> bool:
        if instrument.calendar == ALWAYS_OPEN:
            return True
        return any(each.opens <= at < each.closes for each in self._sessions[instrument.calendar])

    def _load(self) -> None:
        """Loads what the poll of the minute before has published."""
        if not self._published:
            return
        for bar in self._published:
            calendar = self._instruments[bar.symbol].calendar
            self._newest[calendar] = max(bar.ts, self._newest.get(calendar, bar.ts))
        self._unsaved += self._published
        self._send_batch(self._of_bars, "market.bars.v1", len(self._published))
        self._published = []

    def _send_batch(self, to: LoadMetrics, topic: str, messages: int) -> None:
        to.batch([RangeCount(OffsetRange(topic, 0, 0, messages), messages, 0, 0, messages, None)], HOPS["commit"])
        to.hops(HOPS)
        to.backlog(0)
        to.newest_bars((self._settings.name, calendar, ts) for calendar, ts in self._newest.items())

    def _run(self, dag_id: str, now: datetime) -> None:
        if dag_id == "ingest_news":
            self._answer_of_vendor("vendor_requests")
            fetched = FetchedNews([], now + POLL_AFTER, now + POLL_AFTER)
            self._news = advance(self._news, fetched, [])
            metrics.gauge(
                "news_age_seconds", (now + POLL_AFTER - self._news.until).total_seconds(), source="alpha_vantage"
            )
        elif dag_id == "load_bars":
            # A sweep finds nothing new, and says so.
            self._of_bars.backlog(0)
        elif dag_id == "load_news":
            self._send_batch(self._of_news, "market.news.v1", 3)
        elif dag_id == "check_completeness":
            self._save_bars()
            completeness.check_completeness(now + POLL_AFTER)
        _send_run(dag_id, "scheduled")

    def _save_bars(self) -> None:
        with self._owner.cursor().copy("COPY market.bars_1m FROM STDIN") as copy:
            for bar in self._unsaved:
                copy.write_row((bar.symbol, bar.source, bar.ts, *bar.values, bar.ts + MINUTE))
        self._unsaved = []

    def _send_heartbeats(self) -> None:
        """Of Airflow's processes, one in five seconds; of the health probe the last of its minute."""
        for process in ("scheduler", "dag_processor", "triggerer"):
            stats.incr(f"{process}_heartbeat", 12)
        stats.gauge("dag_processing.import_errors", 0)
        stats.gauge("pool.starving_tasks", 0, tags={"pool_name": "default_pool"})
        for service in SERVICES:
            metrics.gauge("service_up", 1, service=service)
            metrics.gauge("service_started_timestamp_seconds", self._start.timestamp(), service=service)
            metrics.gauge("service_memory_bytes", 6e8, service=service)
        metrics.gauge("disk_free_bytes", 4e10, volume="state")
        metrics.gauge("disk_size_bytes", 1e11, volume="state")


def _runs_of(dag: DAG, start: datetime) -> croniter:
    """When a DAG runs by the clock."""
    timetable: Any = getattr(dag.schedule, "timetable", dag.schedule)
    return croniter(timetable.expression, start.astimezone(ZoneInfo(timetable.timezone)), ret_type=datetime)


def _send_run(dag_id: str, run_type: str) -> None:
    """A run that ended well."""
    seconds = RUN_SECONDS.get(dag_id, 4.0)
    stats.timing("dagrun.duration.success", timedelta(seconds=seconds), tags={"dag_id": dag_id, "run_type": run_type})
