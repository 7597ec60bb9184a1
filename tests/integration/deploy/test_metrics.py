"""The real statsd-exporter with our mapping turns Airflow's and the pipeline's lines into good Prometheus metrics."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.local_stack import REPOSITORY, TOOLS

# As Airflow 3.3.2 sends them with statsd_influxdb_enabled and without legacy names, and as the pipeline does.
LINES = (
    "airflow.scheduler_heartbeat:1|c",
    "airflow.pool.open_slots,pool_name=default_pool:127|g",
    "airflow.dagrun.duration.success,dag_id=ingest_bars,run_type=scheduled:12345.6|ms",
    "airflow.task.duration,dag_id=ingest_bars,task_id=grp.fetch_quotes,queue=default:2500|ms",
    "airflow.ti.finish,dag_id=ingest_bars,task_id=grp.fetch_quotes,state=failed:1|c",
    "marketpulse.bars_loaded,topic=market.bars.v1:42|c",
    "marketpulse.freshness_seconds,source=alpha_vantage:7.5|g",
    "marketpulse.batch_duration,dataset=bars:50|ms",
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
    'airflow_dagrun_duration_success_seconds_bucket{dag_id="ingest_bars",run_type="scheduled",le="15"} 1',
    'airflow_task_duration_seconds_sum{dag_id="ingest_bars",queue="default",task_id="grp.fetch_quotes"} 2.5',
    'airflow_ti_finish_total{dag_id="ingest_bars",state="failed",task_id="grp.fetch_quotes"} 1',
    'marketpulse_bars_loaded_total{topic="market.bars.v1"} 42',
    'marketpulse_freshness_seconds{source="alpha_vantage"} 7.5',
    'marketpulse_batch_duration_seconds_bucket{dataset="bars",le="0.1"} 1',
    'marketpulse_batch_duration_seconds_bucket{dataset="bars",le="900"} 1',
    'marketpulse_bars_disagreeing{other_source="coinbase",source="alpha_vantage"} 3',
    'marketpulse_anomalies_found_total{kind="bad_tick"} 2',
    'marketpulse_quote_checks{source="finnhub",state="bars_late"} 2',
    'marketpulse_api_budget_remaining_requests{source="alpha_vantage"} 20',
    'marketpulse_api_budget_lasts_seconds{source="alpha_vantage"} 14400.5',
    'marketpulse_api_budget_day_left_seconds{source="alpha_vantage"} 43200.25',
)


def _free_port(kind: socket.SocketKind) -> int:
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def exporter() -> Iterator[tuple[int, str]]:
    """A running statsd-exporter: its UDP port and the URL of its metrics."""
    udp, web = _free_port(socket.SOCK_DGRAM), _free_port(socket.SOCK_STREAM)
    mapping = REPOSITORY / "monitoring" / "statsd" / "mapping.yml"
    with subprocess.Popen(
        [
            TOOLS / "bin" / "statsd_exporter",
            f"--web.listen-address=127.0.0.1:{web}",
            f"--statsd.listen-udp=127.0.0.1:{udp}",
            "--statsd.listen-tcp=",
            f"--statsd.mapping-config={mapping}",
        ],
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield udp, f"http://127.0.0.1:{web}/metrics"
        finally:
            process.terminate()


def _metrics(url: str) -> str:
    try:
        return httpx.get(url, trust_env=False).text
    except httpx.TransportError:
        return ""


def test_lines_become_named_and_labelled_metrics(exporter: tuple[int, str]) -> None:
    udp, url = exporter
    deadline = time.monotonic() + 20
    while not _metrics(url):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for line in LINES:
            sender.sendto(line.encode(), ("127.0.0.1", udp))
    while missing := [line for line in EXPECTED if f"\n{line}\n" not in _metrics(url)]:
        assert time.monotonic() < deadline, missing
        time.sleep(0.1)


def test_prometheus_accepts_its_rendered_configuration(tmp_path: Path) -> None:
    template = (REPOSITORY / "monitoring" / "prometheus" / "prometheus.yml.tmpl").read_text()
    rendered = tmp_path / "prometheus.yml"
    rendered.write_text(template.replace("${statsd_exporter}", "127.0.0.1:1").replace("${prometheus}", "127.0.0.1:2"))
    check = [str(TOOLS / "bin" / "promtool"), "check", "config", str(rendered)]
    finished = subprocess.run(check, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stdout + finished.stderr
