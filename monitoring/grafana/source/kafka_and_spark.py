"""Kafka and Spark batches: from a topic into PostgreSQL."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard, units

from monitoring.grafana.source.panels import board, events, graph, number, quantile, ranking

OF_TOPIC = "{{topic}}"


def build() -> dashboard.Dashboard:
    """The dashboard for loads that are slow, fail or fall behind."""
    return board(
        "marketpulse-kafka-spark",
        "Kafka and Spark batches",
        "Whether batches keep up with what is published, and how the broker is.",
        {
            "Do batches keep up?": [
                graph(
                    "Messages that wait",
                    "Those that the ledger had not passed when the newest batch was planned.",
                    ("marketpulse_kafka_backlog_messages", "{{dataset}}"),
                    unit=units.Short,
                    runbooks=["backlog-stays"],
                    alarm=10_000,
                ),
                graph(
                    "From start to commit",
                    "Half of the batches, and 19 of 20. 6 s is usual for a minute's bars.",
                    (quantile(0.5, "marketpulse_batch_duration_seconds", "dataset", "15m"), "{{dataset}}, half"),
                    (quantile(0.95, "marketpulse_batch_duration_seconds", "dataset", "15m"), "{{dataset}}, 19 of 20"),
                    unit=units.Seconds,
                    runbooks=["batches-slow"],
                    alarm=30,
                ),
                graph(
                    "Batches per hour",
                    "A batch with nothing to load is none.",
                    ("3600 * sum by (dataset) (rate(marketpulse_batch_duration_seconds_count[15m]))", "{{dataset}}"),
                    unit=units.Short,
                    runbooks=["loads-fail", "minute-runs-missed"],
                ),
                graph(
                    "What became of messages, per minute",
                    "Duplicates change nothing: overlap of polls, and tries that were repeated.",
                    ("60 * sum by (topic) (rate(marketpulse_bars_loaded_total[5m]))", f"applied: {OF_TOPIC}"),
                    ("60 * sum by (topic) (rate(marketpulse_articles_loaded_total[1h]))", f"applied: {OF_TOPIC}"),
                    ("60 * sum by (topic) (rate(marketpulse_bars_duplicate_total[5m]))", f"duplicates: {OF_TOPIC}"),
                    unit=units.CountsPerMinute,
                    runbooks=["loads-fail"],
                    width=12,
                ),
                ranking(
                    "Dead letters",
                    "Messages that break their contract, in the time shown. They wait in ops.dead_letters.",
                    (events("marketpulse_dead_letters_total", "topic"), OF_TOPIC),
                    unit=units.Short,
                    runbooks=["dead-letters", "dead-letter-burst"],
                    width=12,
                ),
            ],
            "What passes the topics?": [
                graph(
                    "Messages in, per minute",
                    "As the broker counts them.",
                    ("60 * sum by (topic) (rate(kafka_server_brokertopicmetrics_messagesin_total[5m]))", OF_TOPIC),
                    unit=units.CountsPerMinute,
                    runbooks=["kafka-down"],
                ),
                graph(
                    "Bytes per second",
                    "In from the vendors' polls, out to the loaders.",
                    ("sum(rate(kafka_server_brokertopicmetrics_bytesin_total[$__rate_interval]))", "in"),
                    ("sum(rate(kafka_server_brokertopicmetrics_bytesout_total[$__rate_interval]))", "out"),
                    unit=units.BytesPerSecondIEC,
                    runbooks=["kafka-down"],
                ),
                ranking(
                    "Messages that Kafka still has",
                    "Until retention removes them: 7 days of live bars, 30 of the others.",
                    ("sum by (topic) (kafka_log_log_logendoffset - kafka_log_log_logstartoffset)", OF_TOPIC),
                    unit=units.Short,
                    runbooks=["load-refused", "disk-fills-up"],
                ),
            ],
            "How is the broker?": [
                number(
                    "Partitions without a leader",
                    "They can be neither written nor read.",
                    ("kafka_controller_kafkacontroller_offlinepartitionscount", "partitions"),
                    unit=units.Short,
                    runbooks=["kafka-down"],
                    steps={1: "red"},
                    width=4,
                ),
                number(
                    "Refused requests",
                    "Produce and fetch requests that the broker failed, in the time shown.",
                    ("sum(increase(kafka_server_brokertopicmetrics_failedproducerequests_total[$__range]))", "produce"),
                    ("sum(increase(kafka_server_brokertopicmetrics_failedfetchrequests_total[$__range]))", "fetch"),
                    unit=units.Short,
                    runbooks=["kafka-down"],
                    steps={1: "orange"},
                    width=4,
                ),
                graph(
                    "Slowest of 100 requests",
                    "A fetch waits up to half a second for something to come: that is no fault.",
                    ('kafka_network_requestmetrics_totaltimems{quantile="0.99"}', "{{request}}"),
                    unit=units.Milliseconds,
                    runbooks=["kafka-down"],
                ),
                graph(
                    "Idle threads",
                    "Below a third, the broker is the bottleneck.",
                    ("kafka_server_kafkarequesthandlerpool_requesthandleravgidle_percent", "request handlers"),
                    ("kafka_network_socketserver_networkprocessoravgidle_percent", "network"),
                    unit=units.PercentUnit,
                    runbooks=["backlog-stays"],
                    width=4,
                ),
                graph(
                    "Memory of the broker",
                    "Its heap may have 384 MB.",
                    ('jvm_memory_used_bytes{job="kafka"}', "{{area}}"),
                    unit=units.BytesIEC,
                    runbooks=["memory-grows"],
                    width=4,
                ),
            ],
        },
    )
