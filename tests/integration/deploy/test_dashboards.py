"""Every panel of every dashboard shows data, on a real Prometheus that scrapes the real exporters."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka import Consumer, Producer
from marketpulse_stack.settings import Settings

from tests.dashboards import Ask, Panel, panels, without_data

TOPIC = "market.news.v1"
#: Some scrapes of 15 s each, and rules that are evaluated as often.
DATA_SECONDS = 90


def _lines() -> list[str]:
    """What Airflow 3.3.2, the pipeline and the health probe send, a fault of each kind included."""
    now = time.time()
    task = "dag_id=load_bars,task_id=load_bars"
    return [
        *(f"airflow.{part}_heartbeat:1|c" for part in ("scheduler", "dag_processor", "triggerer")),
        "airflow.scheduler.scheduler_loop_duration:20|ms",
        "airflow.dag_processing.import_errors:0|g",
        "airflow.dag_processing.total_parse_time:1.5|g",
        "airflow.dagrun.duration.success,dag_id=load_bars,run_type=asset_triggered:7123.4|ms",
        "airflow.dagrun.duration.failed,dag_id=load_bars,run_type=asset_triggered:9123.4|ms",
        "airflow.dagrun.schedule_delay,dag_id=load_bars,run_type=asset_triggered:842|ms",
        f"airflow.task.duration,{task},queue=default:6500|ms",
        f"airflow.task.scheduled_duration,{task},queue=default:250|ms",
        f"airflow.ti.finish,{task},state=failed:1|c",
        *(
            f"airflow.pool.{kind},pool_name=default_pool:1|g"
            for kind in ("running_slots", "queued_slots", "starving_tasks")
        ),
        "airflow.executor.open_slots,executor_class_name=LocalExecutor:3|g",
        "marketpulse.deadlines_missed,dag_id=load_bars:1|c",
        f"marketpulse.newest_bar_timestamp_seconds,source=alpha_vantage,calendar=24/7:{now - 30}|g",
        f"marketpulse.market_opened_timestamp_seconds,source=alpha_vantage,calendar=24/7:{now - 3600}|g",
        "marketpulse.published_age_seconds,source=alpha_vantage:3.5|g",
        "marketpulse.bars_published,source=alpha_vantage:8|c",
        "marketpulse.bars_corrected,source=alpha_vantage:1|c",
        "marketpulse.articles_published,source=alpha_vantage:2|c",
        "marketpulse.actions_published,source=alpha_vantage:1|c",
        "marketpulse.vendor_requests,outcome=ok,source=alpha_vantage:7|c",
        "marketpulse.vendor_requests,outcome=unavailable,source=alpha_vantage:1|c",
        "marketpulse.vendor_request_duration,source=alpha_vantage:120|ms",
        "marketpulse.api_budget_remaining_requests,source=alpha_vantage:20|g",
        "marketpulse.api_budget_lasts_seconds,source=alpha_vantage:14400|g",
        "marketpulse.api_budget_day_left_seconds,source=alpha_vantage:43200|g",
        "marketpulse.batch_duration,dataset=bars:6100|ms",
        *(f"marketpulse.hop,dataset=bars,hop={hop}:900|ms" for hop in ("fetched", "kafka", "spark", "total")),
        "marketpulse.kafka_backlog_messages,dataset=bars:12|g",
        "marketpulse.bars_loaded,topic=market.bars.v1:8|c",
        "marketpulse.bars_duplicate,topic=market.bars.v1:1|c",
        "marketpulse.articles_loaded,topic=market.news.v1:2|c",
        "marketpulse.dead_letters,topic=market.bars.v1:1|c",
        "marketpulse.checks_broken,check=high_is_highest:1|c",
        "marketpulse.anomalies_found,kind=bad_tick:1|c",
        "marketpulse.bars_missing,source=alpha_vantage:3|g",
        "marketpulse.bars_requested,source=alpha_vantage:3|c",
        "marketpulse.bars_disagreeing,other_source=coinbase,source=alpha_vantage:3|g",
        "marketpulse.news_age_seconds,source=alpha_vantage:600|g",
        "marketpulse.quote_checks,source=alpha_vantage,state=agrees:5|g",
        "marketpulse.service_up,service=kafka:1|g",
        "marketpulse.service_memory_bytes,service=kafka:300000000|g",
        "marketpulse.disk_free_bytes,volume=state:50000000000|g",
        "marketpulse.disk_size_bytes,volume=state:100000000000|g",
    ]


@pytest.fixture(scope="module")
def busy(monitored: Settings) -> Iterator[None]:
    """Airflow's and the pipeline's lines every second, and messages that come and go in Kafka."""
    done = threading.Event()
    worker = threading.Thread(target=_work, args=(monitored, done))
    worker.start()
    try:
        yield
    finally:
        done.set()
        worker.join()


def _work(settings: Settings, done: threading.Event) -> None:
    bootstrap = {"bootstrap.servers": f"127.0.0.1:{settings.ports.kafka}"}
    producer = Producer(bootstrap)
    consumer = Consumer({**bootstrap, "group.id": "test-dashboards"})
    consumer.subscribe([TOPIC])
    try:
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            sender.connect(("127.0.0.1", settings.ports.statsd))
            while not done.wait(1):
                for line in _lines():
                    sender.send(line.encode())
                producer.produce(TOPIC, b"not a message", key=b"TEST")
                producer.flush(10)
                consumer.poll(0.1)
    finally:
        consumer.close()


@pytest.mark.usefixtures("busy")
@pytest.mark.parametrize("panel", panels(), ids=str)
def test_every_query_of_a_panel_has_data(panel: Panel, ask: Ask) -> None:
    deadline = time.monotonic() + DATA_SECONDS
    while empty := without_data(panel, ask):
        assert time.monotonic() < deadline, empty
        time.sleep(1)
