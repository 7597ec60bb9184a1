"""A holiday, a half day and a weekend on which nothing goes wrong: no alert.

SchedulerSilent looks at 45 s, of which these minutes know nothing: its own cases do.
"""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk._shared.observability.metrics.base_stats_logger import NoStatsLogger
from airflow.sdk.observability.metrics import stats_utils
from marketpulse import metrics
from marketpulse.completeness import sync_sessions
from marketpulse.config import load_instruments, load_sources
from marketpulse.warehouse import connect

from tests.integration.plugins.moved_clock import Clock
from tests.integration.plugins.quiet_days import MINUTE, QuietDays
from tests.integration.plugins.recorded_metrics import Recording, recording
from tests.local_stack import REPOSITORY, TOOLS

#: The evening before Thanksgiving until New York has opened on Monday; on Friday it closes at 18:00 UTC.
START = datetime(2026, 11, 25, 19, 30, tzinfo=UTC)
END = datetime(2026, 11, 30, 15, 0, tzinfo=UTC)
AROUND = timedelta(days=7)
HALF_DAY_OPENING = datetime(2026, 11, 27, 14, 30, tzinfo=UTC)
HALF_DAY_OVER = datetime(2026, 11, 27, 18, 0, tzinfo=UTC)
#: When New York would have opened on Thanksgiving.
HOLIDAY_OPENING = datetime(2026, 11, 26, 14, 30, tzinfo=UTC)
#: A market without a close is open since three days ago, and promtool's time must not begin later.
LEAD = 4 * 1440
#: Just before a minute's load ends: the newest bar is as old as it gets.
SCRAPED_AFTER_SECONDS = 11
#: Every 15 s, as Prometheus does, would take a quarter of an hour.
EVALUATED_EVERY = "3m"
EPOCH = START.timestamp() + SCRAPED_AFTER_SECONDS - 60 * LEAD
XNYS_OPENED = 'marketpulse_market_opened_timestamp_seconds{calendar="XNYS",source="alpha_vantage"}'
XNYS_NEWEST = 'marketpulse_newest_bar_timestamp_seconds{calendar="XNYS",source="alpha_vantage"}'


@pytest.fixture
def recorded(
    task_environment: dict[str, str],
    instruments: None,
    clock: Clock,
    owner_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Recording]:
    """The metrics of all these days."""
    monkeypatch.setenv("MARKETPULSE_HOME", str(tmp_path))
    monkeypatch.setenv("ALPHA_VANTAGE_POLL", "session")
    with recording() as recorded, socket.socket(type=socket.SOCK_DGRAM) as sender:
        of_airflow = {"STATSD_ON": "True", "STATSD_INFLUXDB_ENABLED": "True"}
        for name, value in {**of_airflow, "STATSD_HOST": "127.0.0.1", "STATSD_PORT": str(recorded.port)}.items():
            monkeypatch.setenv(f"AIRFLOW__METRICS__{name}", value)
        monkeypatch.setenv("STATSD_HOST", "127.0.0.1")
        monkeypatch.setenv("STATSD_PORT", str(recorded.port))
        metrics._client.cache_clear()
        stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
        try:
            _record(recorded, sender, owner_dsn, clock)
            yield recorded
        finally:
            of_statsd: Any = stats._get_backend()
            of_statsd.statsd.close()
            stats.initialize(factory=NoStatsLogger, export_legacy_names=False)
            if client := metrics._client():
                client.close()
            metrics._client.cache_clear()


def _record(recorded: Recording, sender: socket.socket, owner_dsn: str, clock: Clock) -> None:
    known = load_instruments()
    bag = DagBag(dag_folder=REPOSITORY / "dags", bundle_path=REPOSITORY / "dags", bundle_name="dags-folder")
    with (
        connect(statement_seconds=20, lock_seconds=5) as warehouse,
        psycopg.connect(owner_dsn, autocommit=True) as owner,
    ):
        owner.execute("TRUNCATE market.sessions")
        calendars = {instrument.calendar for instrument in known.values()}
        sync_sessions(warehouse, calendars, START.date() - AROUND, END.date() + AROUND)
        source, begins = load_sources(known)["alpha_vantage"], START - MINUTE
        with closing(QuietDays(source, known, bag.dags.values(), warehouse, owner, clock, begins)) as days:
            # So that bars are loaded when the first minute is looked at.
            days.pass_minute(begins)
            for number in range(int((END - START) / MINUTE)):
                days.pass_minute(START + number * MINUTE)
                recorded.scrape(sender)


def _of_prometheus(minutes: int) -> list[dict[str, str]]:
    """What Prometheus knows of the programs that it scrapes, and of itself."""
    values = {f'up{{job="{job}"}}': 1 for job in ("statsd-exporter", "alertmanager", "prometheus")} | {
        'process_start_time_seconds{job="prometheus"}': 60 * LEAD,
        'prometheus_rule_evaluation_failures_total{job="prometheus",rule_group="airflow"}': 0,
        'alertmanager_notifications_failed_total{job="alertmanager",integration="webhook"}': 0,
    }
    return [{"series": name, "values": f"_x{LEAD} {value}x{minutes}"} for name, value in values.items()]


def _alerts_fired(folder: Path, series: list[dict[str, str]], minutes: int) -> dict[str, int]:
    """Alert to how many evaluations it fired at, over all rules together; of Watchdog, which always fires, the last."""
    fired = 'sum by (alertname) (count_over_time(ALERTS{alertstate="firing",alertname!="Watchdog"}[10d]))'
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": series,
        # promtool says what it got when it is something else.
        "promql_expr_test": [
            {
                "expr": f'{fired} or sum by (alertname) (ALERTS{{alertstate="firing",alertname="Watchdog"}})',
                "eval_time": f"{LEAD + minutes - 1}m",
                "exp_samples": [],
            }
        ],
    }
    rules = [str(path) for path in sorted((REPOSITORY / "monitoring" / "prometheus" / "rules").glob("*.yml"))]
    document = {"rule_files": rules, "evaluation_interval": EVALUATED_EVERY, "tests": [test]}
    (folder / "quiet.yml").write_text(yaml.safe_dump(document))
    finished = subprocess.run(
        [TOOLS / "bin" / "promtool", "test", "rules", folder / "quiet.yml"], capture_output=True, text=True, check=False
    )
    told = finished.stdout + finished.stderr
    found = re.findall(r'\{alertname="(\w+)"\} ([^\s,]+)', told)
    assert found, told
    return {alert: int(float(value)) for alert, value in found}


def test_a_holiday_a_half_day_and_a_weekend_without_an_alert(recorded: Recording, tmp_path: Path) -> None:
    series = [*recorded.promtool_series(LEAD, EPOCH), *_of_prometheus(recorded.minutes)]
    assert _alerts_fired(tmp_path, series, recorded.minutes) == {"Watchdog": 1}

    # Had the holiday been forgotten, somebody would have been woken.
    opened = recorded.series[XNYS_OPENED]
    over, holiday = _minutes_to(HALF_DAY_OVER), _minutes_to(HOLIDAY_OPENING)
    assert opened[over - 1] == HALF_DAY_OPENING.timestamp()
    assert {*opened[over : over + 2 * 1440], *opened[holiday : holiday + 390]} == {0}
    opened[holiday : holiday + 390] = [HOLIDAY_OPENING.timestamp()] * 390
    forgotten = [each for each in recorded.promtool_series(LEAD, EPOCH) if each["series"] in (XNYS_OPENED, XNYS_NEWEST)]
    assert _alerts_fired(tmp_path, forgotten, recorded.minutes).get("BarsStale", 0) > 100


def _minutes_to(moment: datetime) -> int:
    return int((moment - START) / MINUTE)
