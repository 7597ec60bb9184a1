"""A process that counts, for each line of its input, as a scheduler and its tasks do; says how often it had to wait.

A wait is a voluntary switch of context: the kernel counts one whenever a call blocks, and none when a busy machine
takes the processor away.
"""

from __future__ import annotations

import resource
import sys

from airflow.sdk._shared.observability.metrics import stats
from airflow.sdk.observability.metrics import stats_utils
from marketpulse import metrics

SENDS = 10_000
#: How the answer begins; Airflow logs to the same stream.
WAITS = "waits"


def _send_both() -> None:
    """One metric of the pipeline's, and one of Airflow's."""
    metrics.count("bars_published", 1, source="alpha_vantage")
    stats.incr("ti.finish", tags={"dag_id": "ingest_bars", "task_id": "publish_bars", "state": "success"})


def main() -> None:
    stats.initialize(factory=stats_utils.get_stats_factory(), export_legacy_names=False)
    # The first of each makes its client, and resolves the name.
    _send_both()
    for _ in sys.stdin:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw
        for _ in range(SENDS):
            _send_both()
        print(WAITS, resource.getrusage(resource.RUSAGE_THREAD).ru_nvcsw - before, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
