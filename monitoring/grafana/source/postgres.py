"""PostgreSQL: who uses it, what stands in the way, what it keeps."""

from __future__ import annotations

from grafana_foundation_sdk.models import dashboard, units

from monitoring.grafana.source.panels import board, graph, number


def build() -> dashboard.Dashboard:
    """The dashboard for a warehouse that is slow or grows."""
    return board(
        "marketpulse-postgres",
        "PostgreSQL",
        "Whether somebody stands in the way, how much it does, and how fast it grows.",
        {
            "Does somebody stand in the way?": [
                graph(
                    "Connections",
                    "By role and state. Idle in a transaction holds locks and keeps vacuum from its work.",
                    ("sum by (usename, state) (pg_stat_activity_count)", "{{usename}}: {{state}}"),
                    unit=units.Short,
                    runbooks=["postgres-down"],
                ),
                graph(
                    "Age of the oldest transaction",
                    "A batch's is over in seconds.",
                    ("pg_activity_oldest_transaction_seconds", "oldest"),
                    unit=units.Seconds,
                    runbooks=["batches-slow", "loads-fail"],
                ),
                number(
                    "Waiting for a lock",
                    "Connections, now.",
                    ("pg_activity_waiting_for_lock", "connections"),
                    unit=units.Short,
                    runbooks=["batches-slow", "loads-fail"],
                    steps={1: "orange"},
                    width=4,
                ),
                number(
                    "Connections in use",
                    "Of those that the server takes. With none left, nothing is loaded or scheduled.",
                    ("sum(pg_stat_activity_count) / max(pg_activity_max_connections)", "in use"),
                    unit=units.PercentUnit,
                    runbooks=["postgres-down"],
                    steps={0.7: "orange", 0.9: "red"},
                    width=4,
                ),
            ],
            "What does it do?": [
                graph(
                    "Transactions per second",
                    "Committed and rolled back, by database.",
                    ("rate(pg_stat_database_xact_commit[$__rate_interval])", "{{datname}}: committed"),
                    ("rate(pg_stat_database_xact_rollback[$__rate_interval])", "{{datname}}: rolled back"),
                    unit=units.RequestsPerSecond,
                    runbooks=["loads-fail"],
                ),
                graph(
                    "Blocks found in memory",
                    "Of those that were asked for. It falls when what is used no longer fits.",
                    (
                        "rate(pg_stat_database_blks_hit[5m])"
                        " / (rate(pg_stat_database_blks_hit[5m]) + rate(pg_stat_database_blks_read[5m]))",
                        "{{datname}}",
                    ),
                    unit=units.PercentUnit,
                    runbooks=["batches-slow"],
                ),
                graph(
                    "Written per second",
                    "Ahead (WAL), and to temporary files by sorts that memory is too small for.",
                    ("rate(pg_stat_wal_wal_bytes[$__rate_interval])", "WAL"),
                    ("sum(rate(pg_stat_database_temp_bytes[$__rate_interval]))", "temporary files"),
                    unit=units.BytesPerSecondIEC,
                    runbooks=["disk-fills-up", "batches-slow"],
                ),
                number(
                    "Deadlocks",
                    "In the time shown. Transactions of a batch never meet on a row: one is worth a look.",
                    ("sum(increase(pg_stat_database_deadlocks[$__range]))", "deadlocks"),
                    unit=units.Short,
                    runbooks=["loads-fail"],
                    steps={1: "red"},
                    width=4,
                ),
                number(
                    "Checkpoints out of turn",
                    "In the time shown, because max_wal_size was reached; a large backfill does that.",
                    ("increase(pg_stat_checkpointer_num_requested[$__range])", "checkpoints"),
                    unit=units.Short,
                    runbooks=["batches-slow"],
                    steps={10: "orange"},
                    width=4,
                ),
                graph(
                    "Blocks written by checkpoints, per second",
                    "Spread over nine tenths of the time between two of them.",
                    ("rate(pg_stat_checkpointer_buffers_written[15m])", "blocks"),
                    unit=units.Short,
                    runbooks=["batches-slow"],
                    width=16,
                ),
            ],
            "What does it keep?": [
                graph(
                    "Size of the warehouse, by schema",
                    "Tables with their indexes. raw grows by every message, market by every bar.",
                    ("pg_schema_size_bytes", "{{schema}}"),
                    unit=units.BytesIEC,
                    runbooks=["disk-fills-up", "disk-almost-full"],
                ),
                graph(
                    "Rows that vacuum has still to remove",
                    "By schema. It grows without end while an old transaction holds vacuum up.",
                    ("pg_schema_dead_rows", "{{schema}}"),
                    unit=units.Short,
                    runbooks=["disk-fills-up"],
                ),
                number(
                    "Size of the databases",
                    "Airflow's holds the history of its runs.",
                    ("pg_database_size_bytes", "{{datname}}"),
                    unit=units.BytesIEC,
                    runbooks=["disk-fills-up"],
                    steps={},
                    width=4,
                ),
                number(
                    "Transactions since the oldest unfrozen row",
                    "At 2 billion the server takes no more writes; vacuum freezes rows long before.",
                    ("max(pg_database_frozen_age_transactions)", "transactions"),
                    unit=units.Short,
                    runbooks=["postgres-down"],
                    steps={500_000_000: "orange", 1_000_000_000: "red"},
                    width=4,
                ),
            ],
        },
    )
