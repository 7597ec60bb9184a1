"""The real statsd-exporter with our mapping turns Airflow's and the pipeline's lines into good Prometheus metrics."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from marketpulse_stack.prometheus import write_configuration
from marketpulse_stack.settings import load_settings

from tests.integration.running_exporter import running_exporter
from tests.local_stack import REPOSITORY, TOOLS

# As Airflow 3.3.2 sends them with statsd_influxdb_enabled and without legacy names, and as the pipeline does.
LINES = (
    "airflow.scheduler_heartbeat:1|c",
    "airflow.pool.open_slots,pool_name=default_pool:127|g",
    "airflow.dagrun.duration.success,dag_id=ingest_bars,run_type=scheduled:12345.6|ms",
    "airflow.task.duration,dag_id=ingest_bars,task_id=grp.fetch_quotes,queue=default:2500|ms",
    "airflow.ti.finish,dag_id=ingest_bars,task_id=grp.fetch_quotes,state=failed:1|c",
    "marketpulse.bars_loaded,topic=market.bars.v1:42|c",
    "airflow.deadline_alerts.deadline_missed,dag_id=ingest_bars,dagrun_id=scheduled__1:1|c",
    "airflow.deadline_alerts.deadline_missed,dag_id=ingest_bars,dagrun_id=scheduled__2:1|c",
    "airflow.dag_processing.total_parse_time:1.5|g",
    "airflow.scheduler.scheduler_loop_duration:20|ms",
    "marketpulse.newest_bar_timestamp_seconds,source=alpha_vantage,calendar=24/7:1795430000.5|g",
    "marketpulse.service_up,service=kafka:1|g",
    "marketpulse.batch_duration,dataset=bars:50|ms",
    "marketpulse.hop,dataset=bars,hop=kafka:15|ms",
    "marketpulse.bars_disagreeing,other_source=coinbase,source=alpha_vantage:3|g",
    "marketpulse.anomalies_found,kind=bad_tick:2|c",
    "marketpulse.quote_checks,source=finnhub,state=bars_late:2|g",
    "marketpulse.api_budget_remaining_requests,source=alpha_vantage:20|g",
    "marketpulse.api_budget_lasts_seconds,source=alpha_vantage:14400.5|g",
    "marketpulse.api_budget_day_left_seconds,source=alpha_vantage:43200.25|g",
)
EXPECTED = (
    "airflow_scheduler_heartbeat_total 1",
    'airflow_pool_open_slots{pool_name="default_pool"} 127',
    'airflow_dagrun_duration_success_seconds_bucket{dag_id="ingest_bars",run_type="scheduled",le="10"} 0',
    'airflow_dagrun_duration_success_seconds_bucket{dag_id="ingest_bars",run_type="scheduled",le="20"} 1',
    'airflow_task_duration_seconds_sum{dag_id="ingest_bars",queue="default",task_id="grp.fetch_quotes"} 2.5',
    'airflow_ti_finish_total{dag_id="ingest_bars",state="failed",task_id="grp.fetch_quotes"} 1',
    'marketpulse_bars_loaded_total{topic="market.bars.v1"} 42',
    # A label without a value is none to Prometheus: the two runs are one series.
    'airflow_deadline_alerts_deadline_missed_total{dag_id="ingest_bars",dagrun_id=""} 2',
    "airflow_dag_processing_total_parse_time_seconds 1.5",
    'airflow_scheduler_scheduler_loop_duration_seconds_bucket{le="0.05"} 1',
    'marketpulse_newest_bar_timestamp_seconds{calendar="24/7",source="alpha_vantage"} 1.7954300005e+09',
    'marketpulse_service_up{service="kafka"} 1',
    'marketpulse_batch_duration_seconds_bucket{dataset="bars",le="0.25"} 1',
    'marketpulse_batch_duration_seconds_bucket{dataset="bars",le="5400"} 1',
    'marketpulse_hop_seconds_bucket{dataset="bars",hop="kafka",le="0.01"} 0',
    'marketpulse_hop_seconds_bucket{dataset="bars",hop="kafka",le="0.025"} 1',
    'marketpulse_bars_disagreeing{other_source="coinbase",source="alpha_vantage"} 3',
    'marketpulse_anomalies_found_total{kind="bad_tick"} 2',
    'marketpulse_quote_checks{source="finnhub",state="bars_late"} 2',
    'marketpulse_api_budget_remaining_requests{source="alpha_vantage"} 20',
    'marketpulse_api_budget_lasts_seconds{source="alpha_vantage"} 14400.5',
    'marketpulse_api_budget_day_left_seconds{source="alpha_vantage"} 43200.25',
)

MINUTES_OF_A_DAY = 1440
#: Twelve DAGs of three tasks make some 4,500; the rest is room for DAGs to come.
SERIES_LIMIT = 6_000


@pytest.fixture
def exporter() -> Iterator[tuple[int, str]]:
    """A running statsd-exporter: its UDP port and the URL of its metrics."""
    with running_exporter() as exporter:
        yield exporter.port, exporter.url


def _metrics(url: str) -> str:
    return httpx.get(url, trust_env=False).text


def test_lines_become_named_and_labelled_metrics(exporter: tuple[int, str]) -> None:
    udp, url = exporter
    deadline = time.monotonic() + 20
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for line in LINES:
            sender.sendto(line.encode(), ("127.0.0.1", udp))
    while missing := [line for line in EXPECTED if f"\n{line}\n" not in _metrics(url)]:
        assert time.monotonic() < deadline, missing
        time.sleep(0.1)


def test_a_day_of_runs_makes_few_series(exporter: tuple[int, str]) -> None:
    udp, url = exporter
    deadline = time.monotonic() + 60
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for sent, lines in enumerate(_a_day_of_runs(), start=1):
            sender.sendto("\n".join(lines).encode(), ("127.0.0.1", udp))
            # As many as the receiver's buffer holds; a lost one would make the day shorter.
            while sent % 20 == 0 and f"\nstatsd_exporter_udp_packets_total {sent}\n" not in _metrics(url):
                assert time.monotonic() < deadline, sent

    names = re.findall(r"^((?:airflow|marketpulse|dropped)\w*)[{ ]", _metrics(url), re.MULTILINE)
    assert {"airflow_dagrun_duration_success_seconds_bucket", "airflow_ti_finish_total"} <= set(names)
    assert "dropped" not in names
    assert len(names) < SERIES_LIMIT, Counter(names).most_common(10)


def _a_day_of_runs() -> Iterator[list[str]]:
    """What Airflow and the pipeline send of a run a minute, of twelve DAGs in turn; each has labels of its own."""
    for number in range(MINUTES_OF_A_DAY):
        run_id, dag_id = f"scheduled__{number}", f"dag_{number % 12}"
        run = f"dag_id={dag_id},run_type={('scheduled', 'asset_triggered', 'manual')[number // 12 % 3]}"
        yield [
            f"airflow.dagrun.duration.{('success', 'failed')[number // 36 % 2]},{run}:{number}|ms",
            f"airflow.dagrun.schedule_delay,dag_id={dag_id}:{number}|ms",
            f"airflow.dagrun.first_task_start_delay,{run}:{number}|ms",
            f"airflow.dagrun.{dag_id}.first_task_scheduling_delay,{run}:{number}|ms",
            f"airflow.deadline_alerts.deadline_not_missed,dag_id={dag_id},dagrun_id={run_id}:1|c",
            f'airflow.deadline_alerts.callback_success,dag_id={dag_id},result=None,kwargs={{"run": "{run_id}"}}:1|c',
            f"airflow.a_metric_of_the_next_release,run_id={run_id}:1|c",
            f"marketpulse.bars_published,source=source_{number % 4}:1|c",
            *(line for task_id in ("publish", "load", "check") for line in _lines_of_task(dag_id, task_id, number)),
        ]


def _lines_of_task(dag_id: str, task_id: str, number: int) -> Iterator[str]:
    task = f"dag_id={dag_id},task_id={task_id}"
    for kind in ("duration", "queued_duration", "scheduled_duration"):
        yield f"airflow.task.{kind},{task},queue=default:{number}|ms"
    yield f"airflow.ti.start,{task}:1|c"
    yield f"airflow.ti.finish,{task},state={('success', 'failed', 'skipped')[number // 12 % 3]}:1|c"
    yield f"airflow.ti.running,{task},queue=default:1|g"
    yield f"airflow.operator_successes,{task},operator_name=PythonOperator:1|c"


def test_prometheus_accepts_its_rendered_configuration(tmp_path: Path) -> None:
    settings = load_settings({"MARKETPULSE_HOME": str(tmp_path), "MARKETPULSE_ENV_FILE": os.devnull})
    settings.run.mkdir()
    write_configuration(settings)
    rendered = settings.run / "prometheus.yml"
    check = [str(TOOLS / "bin" / "promtool"), "check", "config", str(rendered)]
    finished = subprocess.run(check, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert f"SUCCESS: {len(list(REPOSITORY.glob('monitoring/prometheus/rules/*.yml')))} rule files" in finished.stdout
