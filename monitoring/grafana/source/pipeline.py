"""Pipeline overview: the first look, and where to look next."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard, units

from monitoring.grafana.source.panels import board, events, graph, number, quantile, ranking, timeline


def build() -> dashboard.Dashboard:
    """The dashboard that a page opens with."""
    return board(
        "marketpulse-pipeline",
        "Pipeline overview",
        "Whether bars are fresh, whether they flow, and what they stand on.",
        {
            "Is anything wrong?": [
                number(
                    "Alerts that fire",
                    "Pages wake somebody up, tickets wait for the morning. `make alerts` names them.",
                    ('count(ALERTS{alertstate="firing", severity="page"}) or vector(0)', "pages"),
                    ('count(ALERTS{alertstate="firing", severity="ticket"}) or vector(0)', "tickets"),
                    unit=units.Short,
                    runbooks=["watchdog"],
                    steps={1: "orange"},
                    width=6,
                ),
                number(
                    "Time in which bars were late, of three days",
                    "The objective is 1 % of open time: the newest bar is at most 120 s old.",
                    ("marketpulse:freshness_late:ratio3d", "{{source}} {{calendar}}"),
                    unit=units.PercentUnit,
                    runbooks=["freshness-budget-burns-slowly", "freshness-budget-burns", "freshness-budget-burns-fast"],
                    steps={0.005: "orange", 0.01: "red"},
                    width=9,
                ),
                ranking(
                    "Failed runs",
                    "Runs whose tries are all used up, in the time shown. The next run continues from the ledger.",
                    (events("airflow_dagrun_duration_failed_seconds_count", "dag_id"), "{{dag_id}}"),
                    unit=units.Short,
                    runbooks=["runs-failed", "loads-fail"],
                    width=9,
                ),
            ],
            "Is it fresh, and does it flow?": [
                graph(
                    "Age of the newest bar",
                    "Since its minute ended, or since the opening where none has come. Only while its market is open.",
                    ("marketpulse:freshness_seconds", "{{source}} {{calendar}}"),
                    unit=units.Seconds,
                    runbooks=["bars-stale"],
                    alarm=240,
                ),
                graph(
                    "Bars per minute",
                    "New and changed ones that were published, and those that PostgreSQL took.",
                    ("60 * sum by (source) (rate(marketpulse_bars_published_total[5m]))", "published: {{source}}"),
                    ("60 * sum by (topic) (rate(marketpulse_bars_loaded_total[5m]))", "loaded: {{topic}}"),
                    unit=units.CountsPerMinute,
                    runbooks=["bars-stale", "minute-runs-missed"],
                ),
                graph(
                    "From start to commit, 19 of 20 batches",
                    "A batch of a minute takes 6 s, its start included.",
                    (quantile(0.95, "marketpulse_batch_duration_seconds", "dataset", "15m"), "{{dataset}}"),
                    unit=units.Seconds,
                    runbooks=["batches-slow"],
                    alarm=30,
                ),
            ],
            "Where does the time go, from the vendor to a reader?": [
                graph(
                    "Each hop of live bars, 19 of 20 batches",
                    "Of each batch's slowest message, over an hour. `ops.batch_hops` has those of every batch.",
                    ('marketpulse:hop_seconds:p95{dataset="bars", hop!="total"}', "{{hop}}"),
                    unit=units.Seconds,
                    runbooks=["hop-over-budget"],
                    width=12,
                ),
                graph(
                    "From the end of the minute to a reader",
                    "The middle of an hour's batches, 19 of 20, and 99 of 100; the budget is for 19 of 20.",
                    ('marketpulse:hop_seconds:p50{dataset="bars", hop="total"}', "half"),
                    ('marketpulse:hop_seconds:p95{dataset="bars", hop="total"}', "19 of 20"),
                    ('marketpulse:hop_seconds:p99{dataset="bars", hop="total"}', "99 of 100"),
                    unit=units.Seconds,
                    runbooks=["hop-over-budget", "bars-stale"],
                    alarm=120,
                    width=12,
                ),
            ],
            "What does it stand on?": [
                timeline(
                    "Services",
                    "Asked every 10 s in their own protocol; below, whether Prometheus reaches what it scrapes.",
                    ("marketpulse_service_up", "{{service}}"),
                    ("up", "scraped: {{job}}"),
                    unit=units.Short,
                    runbooks=[
                        "service-down",
                        "postgres-down",
                        "kafka-down",
                        "airflow-api-down",
                        "statsd-exporter-down",
                    ],
                    width=12,
                ),
                graph(
                    "Memory",
                    "What processes share is divided among them, so that the sum is true.",
                    ("marketpulse_service_memory_bytes", "{{service}}"),
                    unit=units.BytesIEC,
                    runbooks=["memory-grows", "service-restarts"],
                    width=6,
                ),
                graph(
                    "Free disk",
                    "PostgreSQL and Kafka stop writing when nothing is left.",
                    ("marketpulse_disk_free_bytes / marketpulse_disk_size_bytes", "{{volume}}"),
                    unit=units.PercentUnit,
                    runbooks=["disk-almost-full", "disk-fills-up"],
                    alarm=0.05,
                    width=6,
                ),
            ],
        },
    )
