"""The whole stack, booted once: what it shows, what it stores, what it measures, how it heals and how it ends.

The tests build on each other's stack and run in the order of this file; the one that needs time passing comes late.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from confluent_kafka import Producer
from marketpulse_stack import credentials
from marketpulse_stack.airflow_api import AirflowApi
from marketpulse_stack.processes import alive, stack_processes
from marketpulse_stack.supervision import Supervisor

from tests.dashboards import Panel, panels, without_data
from tests.drill.campaign import Campaign
from tests.drill.faults import SHORT
from tests.drill.report import table
from tests.drill.watch import Watch
from tests.e2e.airflow_page import airflow_page
from tests.e2e.bar_files import loaded, read_file, real_file, write_import_file
from tests.local_stack import free_ports
from tests.running_stack import RunningStack, wait_until

SYMBOL = "BTCUSD"
SYMBOLS = (SYMBOL, "ETHUSD", "AAPL")
MINUTES = 3
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Booted:
    """The stack, what its first `make up` printed and when that was, and where its alerts are sent."""

    stack: RunningStack
    output: str
    at: datetime
    alerts_port: int


@pytest.fixture(scope="module")
def booted() -> Iterator[Booted]:
    """One stack for all tests of this file."""
    (alerts_port,) = free_ports(1)
    alerts = f"http://127.0.0.1:{alerts_port}/"
    stack = RunningStack({"ALPHA_VANTAGE_SYMBOLS": ",".join(SYMBOLS), "ALERT_WEBHOOK_URL": alerts})
    try:
        output = stack.up()
        yield Booted(stack, output, datetime.now(UTC), alerts_port)
    finally:
        stack.remove()


@pytest.fixture
def stack(booted: Booted) -> RunningStack:
    """The stack of this file's tests."""
    return booted.stack


def publish(stack: RunningStack, topic: str, key: str, value: str) -> None:
    """Publishes a message past the pipeline's own publisher."""
    address = f"127.0.0.1:{stack.settings.ports.kafka}"
    producer = Producer({"bootstrap.servers": address, "partitioner": "murmur2_random"})
    producer.produce(topic, value, key)
    assert producer.flush(20) == 0


def test_up_ends_with_urls_login_and_newest_bars(booted: Booted) -> None:
    settings = booted.stack.settings
    end = booted.output[booted.output.index("MarketPulse is up after") :]
    assert f"http://127.0.0.1:{settings.ports.airflow}" in end
    assert f"password {credentials.secret(settings, 'airflow_admin_password')}" in end
    # The first batch may have begun before all symbols were published.
    assert any(f" {symbol} | alpha_vantage | " in end for symbol in SYMBOLS)


def test_second_up_changes_nothing_and_says_so(stack: RunningStack) -> None:
    before = stack.pids()
    output = stack.up()
    assert "nothing was changed" in output
    assert stack.pids() == before


def test_every_dag_runs_until_a_person_pauses_it(stack: RunningStack) -> None:
    assert running_dags(stack) == set(stack.settings.dags)
    finished = stack.make("airflow", "C=dags pause reconcile_vendors")
    assert finished.returncode == 0, finished.stdout
    stack.up()
    assert running_dags(stack) == {*stack.settings.dags} - {"reconcile_vendors"}
    finished = stack.make("airflow", "C=dags unpause reconcile_vendors")
    assert finished.returncode == 0, finished.stdout


def running_dags(stack: RunningStack) -> set[str]:
    """The DAGs that are not paused."""
    with AirflowApi(stack.settings) as api:
        return {each["dag_id"] for each in api.get("/dags", paused="false", limit=100)["dags"]}


def test_changed_setting_is_reported_with_what_applies_it(stack: RunningStack) -> None:
    before = stack.pids()
    finished = stack.make("up", SIM_SEED="7")
    assert "`make down && make up` applies the new ones to simulator." in finished.stdout
    assert stack.pids() == before


def test_busy_port_is_one_message_that_names_the_variable(stack: RunningStack, tmp_path: Path) -> None:
    finished = stack.make("up", MARKETPULSE_HOME=str(tmp_path / "other"))
    assert finished.returncode != 0
    port = stack.settings.ports.postgres
    assert f"ort {port} is in use by postgres (process " in finished.stdout
    assert "Set POSTGRES_PORT" in finished.stdout
    assert "Traceback" not in finished.stdout


def test_status_is_one_table_in_which_every_service_is_ready(stack: RunningStack) -> None:
    finished = stack.make("status")
    assert finished.returncode == 0, finished.stdout
    lines = finished.stdout.splitlines()
    rows = {line.split()[0]: line for line in lines[1:] if line and ":" not in line.split()[0]}
    assert not [name for name in stack.pids() if not rows[name].rstrip().endswith("yes")]
    assert any(line.startswith("Memory of all processes:") for line in lines)
    assert any(line.startswith("Newest bar:") for line in lines)


def test_psql_prints_bare_rows(stack: RunningStack) -> None:
    finished = stack.make("psql", "C=select 1, 'two words $HOME'")
    assert finished.stdout == "1|two words $HOME\n"


def test_listeners_are_on_loopback_only(stack: RunningStack) -> None:
    services = set(stack.pids().values())
    members = {process.pid for process in stack_processes(stack.settings)}
    assert services <= members
    loopback = ("127.0.0.1", "::1", "::ffff:127.0.0.1")
    listening = [
        connection
        for connection in psutil.net_connections("inet")
        if connection.pid in members
        and (
            connection.status == psutil.CONN_LISTEN
            or (connection.type == socket.SOCK_DGRAM and not connection.raddr and connection.pid in services)
        )
    ]
    ports = {connection.laddr.port for connection in listening}
    assert set(vars(stack.settings.ports).values()) <= ports
    assert [connection for connection in listening if connection.laddr.ip not in loopback] == []


def test_killed_service_is_healed(stack: RunningStack) -> None:
    before = stack.pids()["airflow-dag-processor"]
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: stack.pids()["airflow-dag-processor"] not in (0, before), seconds=30, what="a new dag-processor")
    wait_until(lambda: stack.make("status").returncode == 0, seconds=120, what="every service ready again")


@pytest.mark.parametrize("kind", ["real", "synthetic"])
def test_imported_file_is_in_the_warehouse_decimal_for_decimal(stack: RunningStack, tmp_path: Path, kind: str) -> None:
    path = real_file("coinbase_1min.csv.gz") if kind == "real" else write_import_file(tmp_path / "bars.csv")
    expected = read_file(path)
    finished = stack.make("import-bars", f"FILE={path}", "SOURCE=coinbase")
    assert finished.returncode == 0, finished.stdout
    bars = loaded(stack, "coinbase")
    assert {key: bars.get(key) for key in expected} == expected
    if kind == "real":
        assert len(expected) == 25_302


def test_three_minutes_of_bars_arrive_without_a_gap(booted: Booted) -> None:
    first = booted.at.replace(second=0, microsecond=0)
    newest = "SELECT max(ts) FROM market.bars_1m WHERE symbol = %s AND source = 'alpha_vantage'"
    wait_until(
        lambda: booted.stack.query(newest, SYMBOL)[0][0] >= first + (MINUTES - 1) * MINUTE,
        seconds=60 * MINUTES + 180,
        what=f"{MINUTES} minutes of bars",
    )
    starts = "SELECT ts FROM market.bars_1m WHERE symbol = %s AND source = 'alpha_vantage' AND ts >= %s ORDER BY ts"
    rows = [start for (start,) in booted.stack.query(starts, SYMBOL, first - 60 * MINUTE)]
    assert rows == [first - 60 * MINUTE + number * MINUTE for number in range(len(rows))]
    assert len(rows) >= 60 + MINUTES


def test_a_dead_letter_is_mended_on_its_page_and_loaded(stack: RunningStack, tmp_path: Path) -> None:
    """Bad message, letter, page, request, DAG, Kafka, loader: all of it, as a person goes through it."""
    prices = {"open": "100", "high": "101", "low": "99", "close": "102"}
    times = {"ts": "2026-01-05T15:00:00Z", "fetched_at": "2026-01-05T15:01:00.000000Z"}
    names = {"source": "by_hand", "symbol": SYMBOL, "interval": "1min", "volume": "1", "run_id": "by hand"}
    publish(stack, "market.bars.v1", SYMBOL, json.dumps(prices | times | names))
    letters = "SELECT state, reason FROM ops.dead_letter_states"
    wait_until(lambda: stack.query(letters) == [("open", "bad_price")], seconds=180, what="the letter")

    with airflow_page(stack.settings, tmp_path / "profile") as page:
        page.open_page("Dead letters")
        page.follow("bad_price")
        page.follow("market.bars.v1")
        page.edit("Text to publish", '"102"', '"100.5"')
        page.press("Re-drive with this text")
        page.wait_for_text("Done for 1 letter.")
        page.wait_for_text("asked for by admin")

    wait_until(lambda: stack.query(letters) == [("loaded", "bad_price")], seconds=120, what="the mended bar")
    assert stack.query("SELECT close::text FROM market.bars_1m WHERE source = 'by_hand'") == [("100.50000000",)]
    key = json.dumps({"symbol": SYMBOL, "source": "by_hand", "ts": times["ts"]})
    ((part, dag_id, published_by),) = stack.query(
        "SELECT part, dag_id, published_by FROM ops.lineage('market.bars_1m', %s)", key
    )
    assert (part, dag_id, published_by) == ("made", "load_bars", "by hand")


def test_every_minute_has_a_successful_poll(booted: Booted) -> None:
    first = booted.at.replace(second=0, microsecond=0) + MINUTE
    runs = {
        datetime.fromisoformat(run["run_after"]): run["state"]
        for run in booted.stack.runs("ingest_bars")
        if run["run_type"] == "scheduled" and datetime.fromisoformat(run["run_after"]) >= first
    }
    minutes = [first + number * MINUTE for number in range(MINUTES)]
    assert {minute: runs.get(minute) for minute in minutes} == dict.fromkeys(minutes, "success")


@pytest.mark.parametrize(
    "expression",
    [
        "airflow_scheduler_heartbeat_total > 0",
        'airflow_dagrun_duration_success_seconds_count{dag_id="ingest_bars"} > 0',
        'airflow_dagrun_duration_success_seconds_bucket{dag_id="load_bars",le="60"} > 0',
        'airflow_task_duration_seconds_count{dag_id="load_bars",task_id="load_bars"} > 0',
        "airflow_pool_open_slots > 0",
        'marketpulse_bars_published_total{source="alpha_vantage"} > 0',
        'marketpulse_bars_loaded_total{topic="market.bars.v1"} > 0',
        "marketpulse_batch_duration_seconds_count > 0",
        'marketpulse_hop_seconds_count{dataset="bars",hop="total"} > 0',
        'time() - marketpulse_newest_bar_timestamp_seconds{source="alpha_vantage",calendar="24/7"} < 900',
        "marketpulse_kafka_backlog_messages >= 0",
        "marketpulse_vendor_requests_total > 0",
        "marketpulse_vendor_request_duration_seconds_count > 0",
        'up{job="statsd-exporter"} == 1',
        'up{job="alertmanager"} == 1',
        'marketpulse_service_up{service="kafka"} == 1',
        'ALERTS{alertname="Watchdog",alertstate="firing"} == 1',
    ],
)
def test_prometheus_has_it(stack: RunningStack, expression: str) -> None:
    wait_until(lambda: stack.prometheus(expression), seconds=40, what=expression)


#: Of faults, of budgets that this vendor's plan does not have, of vendors that this stack has one of, of splits.
SELDOM = {
    "Runs that missed their deadline",
    "Failed runs",
    "Failed tries of tasks",
    "Missing bars that were asked for again",
    "Checks that did not hold",
    "Anomalies found",
    "Bars corrected in 15 min",
    "Bars about which two sources disagree",
    "Last trades beside the newest bars",
    "Requests left today",
    "How long they last, against the vendor's day",
    "Published",
}


@pytest.mark.parametrize("panel", [panel for panel in panels() if panel.title not in SELDOM], ids=str)
def test_dashboards_show_the_running_stack(stack: RunningStack, panel: Panel) -> None:
    wait_until(lambda: not without_data(panel, stack.prometheus), seconds=120, what=str(panel))


def test_vendor_key_is_in_no_log_and_no_message(stack: RunningStack) -> None:
    key = credentials.vendor_keys(stack.settings)["ALPHA_VANTAGE_API_KEY"].encode()
    home = stack.settings.home
    places = [*(home / "logs").rglob("*"), *(home / "airflow" / "logs").rglob("*"), *(home / "kafka").rglob("*.log")]
    files = [path for path in places if path.is_file()]
    assert any("dag_id=ingest_bars" in str(path) for path in files)
    assert [path for path in files if key in path.read_bytes()] == []


def test_missed_deadline_reaches_alertmanager_from_the_triggerer(stack: RunningStack) -> None:
    """A run of ingest_bars that gets no slot is not done after its 60 s."""
    slots = "C=pools set default_pool {} tests"
    blocked = stack.make("airflow", slots.format(0))
    assert blocked.returncode == 0, blocked.stdout
    try:
        wait_until(
            lambda: any(
                alert["labels"]["alertname"] == "DeadlinesMissed"
                and alert["labels"]["dag_id"] == "ingest_bars"
                # Prometheus says the same of the counter a while later, in other words.
                and "triggerer" in alert["annotations"]["description"]
                for alert in stack.alerts()
            ),
            seconds=180,
            what="an alert from the triggerer",
        )
    finally:
        assert stack.make("airflow", slots.format(128)).returncode == 0


def test_faults_page_once_and_heal(booted: Booted, capsys: pytest.CaptureFixture[str]) -> None:
    """The drill with some of its faults. How long each takes is printed: here other tests run beside."""
    watch = Watch(booted.alerts_port, f"http://127.0.0.1:{booted.stack.settings.ports.alertmanager}")
    with watch.running():
        campaign = Campaign(booted.stack, watch)
        outcomes = list(campaign.outcomes(SHORT))
        campaign.resolve(outcomes)
    with capsys.disabled():
        sys.stdout.write(f"\n{table(outcomes)}\n")
    for outcome in outcomes:
        assert None not in (outcome.detected, outcome.recovered, outcome.resolved), outcome
        assert (outcome.other_pages, outcome.missing) == ([], 0), outcome


def test_down_leaves_no_process_and_works_twice(stack: RunningStack) -> None:
    members = stack_processes(stack.settings)
    assert len(members) >= len(stack.pids())
    assert "MarketPulse is down" in stack.make("down").stdout
    assert [process for process in members if alive(process)] == []
    home = str(stack.settings.home)
    command_lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    assert [line for line in command_lines if home in line] == []
    for port in vars(stack.settings.ports).values():
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0
    assert "MarketPulse is not running" in stack.make("down").stdout
    assert not Supervisor(stack.settings).answers()
